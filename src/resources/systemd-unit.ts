import type { Change } from '../core/change.ts'
import { Failure } from '../core/failure.ts'
import { checkProps } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type CommonProps, type Resource } from '../core/resource.ts'
import { isSecret, reveal, type Secret } from '../core/secret.ts'
import { isEnabled, unit } from './unit.ts'

export interface SystemdUnitProps extends CommonProps {
  /** With its suffix, e.g. 'app.service'; or a drop-in, e.g. 'nginx.service.d/limits.conf'. */
  readonly name: string
  readonly content: string | Secret
  /** Default: as it is. */
  readonly enabled?: boolean | undefined
}

const NAME = /^([\w:.\\@-]+\.(?:service|socket|mount|automount|swap|target|path|timer|slice))(?:\.d\/[\w:.@-]+\.conf)?$/

/** A unit's file, /etc/systemd/system/<name>, and systemd knowing it: `systemctl daemon-reload` is owed for as long as systemd itself says
 *  that it has read an older one, so a crash in between forgets nothing. Starting it is a service's business.
 *  In a staging root the file is written, and that is all: there is no systemd to enable anything. */
export function systemdUnit(props: SystemdUnitProps): Resource {
  checkProps('systemdUnit', props, { name: 'string', content: 'text', enabled: 'boolean?', ...COMMON_PROPS })
  const { name, content, enabled } = props
  const label = `systemdUnit[${name}]`
  const subject = NAME.exec(name)?.[1]
  if (subject === undefined) throw new Failure('resource.invalid', `${label}: "${name}" is no name of a unit`, { hint: 'Give it its suffix, e.g. app.service.' })
  if (name !== subject && enabled !== undefined) throw new Failure('resource.invalid', `${label}: a drop-in is not enabled; enable its unit`)
  const path = `/etc/systemd/system/${name}`
  const mode = isSecret(content) ? '0600' : '0644'

  return {
    ...resourceBase({ kind: 'systemdUnit', key: name, props }),
    occupies: { path, as: 'file' },
    async check({ observer, signal }) {
      const changes: Change[] = []
      const file = observer.stat(path)
      const now = file?.kind === 'file' ? observer.readText(path) : undefined
      const text = reveal(content)
      if (now !== text) {
        const type = file === undefined ? 'create' : 'update'
        changes.push(isSecret(content) ? { type, field: 'content', secret: true } : { type, field: 'content', ...(now !== undefined && { from: now }), to: text })
      }
      if (file?.kind === 'file' && file.mode !== mode) changes.push({ type: 'update', field: 'mode', from: file.mode, to: mode })
      if (observer.staging) return changes
      const known = await unit(subject, observer, signal)
      if (now === text && known.needsDaemonReload) changes.push({ type: 'update', field: 'loaded', reason: 'systemd has read an older one' })
      if (enabled !== undefined && isEnabled(known) !== enabled && !(known.file === 'masked' && !enabled)) {
        changes.push({ type: 'update', field: 'enabled', from: isEnabled(known), to: enabled })
      }
      return changes
    },
    async apply(changes, { machine, signal, output }) {
      const fields = new Set(changes.map(change => change.field))
      if (fields.has('content')) machine.write(path, reveal(content), { mode, owner: 'root', group: 'root' })
      else if (fields.has('mode')) machine.setMode(path, mode)
      if (machine.staging) return
      const run = (...argv: string[]): Promise<unknown> => machine.run(['systemctl', '--quiet', ...argv], { signal, onLine: output })
      if (fields.has('content') || fields.has('loaded')) await run('daemon-reload')
      if (fields.has('enabled')) await run(enabled ? 'enable' : 'disable', '--', subject)
    },
  }
}
