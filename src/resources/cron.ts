import { Failure } from '../core/failure.ts'
import { checkProps, oneOf } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type CommonProps, type Resource } from '../core/resource.ts'

export interface CronProps extends CommonProps {
  /** Letters, digits, '-' and '_': cron passes over files of any other name. */
  readonly name: string
  /** Five fields as crontab(5) has them, or a word like '@hourly' or '@reboot'. */
  readonly schedule: string
  /** Default: root. */
  readonly user?: string | undefined
  /** No word of it is expanded by cron's shell. */
  readonly argv: readonly string[]
  /** Default: present. absent: the file goes. */
  readonly state?: 'present' | 'absent' | undefined
}

const WORDS = ['@reboot', '@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']

/** A command that cron runs: the file /etc/cron.d/sunup-<name>. Its PATH is that of sunup's own commands; what it prints is cron's to mail.
 *  @throws Failure in check: `absent.command` when no cron is installed (it would never run), `absent.user` */
export function cron(props: CronProps): Resource {
  checkProps('cron', props, { name: 'string', schedule: 'string', user: 'string?', argv: 'argv', state: 'string?', ...COMMON_PROPS })
  const { name, schedule, argv } = props
  const user = props.user ?? 'root'
  const label = `cron[${name}]`
  const state = oneOf(label, 'state', props.state ?? 'present', ['present', 'absent'])
  if (!/^[A-Za-z0-9_-]+$/.test(name)) throw new Failure('resource.invalid', `${label}: cron passes over files whose names have more than letters, digits, "-" and "_"`)
  if (!isSchedule(schedule)) {
    throw new Failure('resource.invalid', `${label}: "${schedule}" is no schedule`, { hint: `Five fields such as "*/5 * * * *", or one of ${WORDS.join(', ')}.` })
  }
  if (/\s/.test(user)) throw new Failure('resource.invalid', `${label}: "${user}" is no user name`)
  if (argv.some(word => /[\n\0]/.test(word))) throw new Failure('resource.invalid', `${label}: a line of cron can hold no new line; put the command into a file`)
  const path = `/etc/cron.d/sunup-${name}`
  const content = `PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n${schedule.trim()} ${user} ${line(argv)}\n`

  return {
    ...resourceBase({ kind: 'cron', key: name, props }),
    occupies: { path, as: 'file' },
    hostOnly: 'cron belongs to a host, not to a staging root',
    check({ observer }) {
      const now = observer.readText(path)
      if (state === 'absent') return now === undefined ? [] : [{ type: 'remove', field: 'content', from: now }]
      if (observer.account(user) === undefined) throw new Failure('absent.user', `${label}: there is no user ${user} to run as`, { subject: user })
      if (observer.stat('/usr/sbin/cron') === undefined && observer.stat('/usr/sbin/crond') === undefined) {
        throw new Failure('absent.command', `${label}: there is no cron to run it`, { subject: 'cron', hint: 'Install the package cron (on Red Hat: cronie) before it.' })
      }
      if (now === undefined) return [{ type: 'create', field: 'content', to: content }]
      if (now !== content) return [{ type: 'update', field: 'content', from: now, to: content }]
      // cron refuses a file that others may write.
      const stat = observer.stat(path)
      return stat?.kind === 'file' && stat.mode === '0644' && stat.uid === 0 ? [] : [{ type: 'update', field: 'content', reason: 'cron reads plain files of root with mode 0644 alone' }]
    },
    apply(_changes, { machine }) {
      if (state === 'absent') machine.remove(path)
      else machine.write(path, content, { mode: '0644', owner: 'root', group: 'root' })
    },
  }
}

function isSchedule(text: string): boolean {
  if (text.startsWith('@')) return WORDS.includes(text.trim())
  return /^[\w*/,-]+([ \t]+[\w*/,-]+){4}$/.test(text.trim())
}

/** The argv for cron's sh. Before that sees it, cron itself turns every % into a new line and takes away the backslash before a % or
 *  another backslash, quoted or not. Source: crontab(5), and do_command.c of Debian's cron and of cronie. */
function line(argv: readonly string[]): string {
  const words = argv.map(word => (/^[\w@+:,./-]+$/.test(word) ? word : `'${word.replaceAll('\'', '\'\\\'\'')}'`))
  return words.join(' ').replace(/[\\%]/g, '\\$&')
}
