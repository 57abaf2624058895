import { Failure } from '../core/failure.ts'
import { checkProps } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type CommonProps, type Resource, type ResourceRef } from '../core/resource.ts'

export interface ExecuteProps extends CommonProps {
  /** What it is for; stands in its id. */
  readonly name: string
  /** No shell: write ['sh', '-c', '…'] for one. Secrets do not belong here. */
  readonly argv: readonly string[]
  /** Default: '/', or the staging root. */
  readonly cwd?: string | undefined
  /** Added to PATH, LC_ALL=C and HOME. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Runs as this user, with all its groups. Default: who runs sunup. */
  readonly user?: string | undefined
  /** A path that the command makes: it runs while there is nothing. Should it not have made it, the run is not settled. */
  readonly creates?: string | undefined
  /** Runs when one of these changed, and at no other time. */
  readonly runOn?: readonly ResourceRef[] | undefined
}

/** A command. Without `creates`, `onlyIf`, `notIf` and `runOn` it runs in every boot. One that was cut off runs again, whatever it left behind;
 *  with `runOn` alone, too: it is owed until it has exited 0.
 *  In a staging root it runs on the host, with the root as its directory and in SUNUP_ROOT.
 *  @throws Failure in apply: `command.failed` (any exit code but 0), `absent.command`, `absent.user` */
export function execute(props: ExecuteProps): Resource {
  checkProps('execute', props, {
    name: 'string', argv: 'argv', cwd: 'path?', env: 'record?', user: 'string?', creates: 'path?', runOn: 'refs?', ...COMMON_PROPS,
  })
  const { argv, cwd, env, user, creates, runOn } = props
  for (const [key, value] of Object.entries(env ?? {})) {
    if (typeof value !== 'string') throw new Failure('resource.invalid', `execute[${props.name}]: "env.${key}" must be a string`)
    if (`${key}${value}`.includes('\0')) throw new Failure('resource.invalid', `execute[${props.name}]: "env" must hold no NUL bytes`)
  }
  const isTriggered = runOn !== undefined && runOn.length > 0
  const isGuarded = isTriggered || creates !== undefined || props.onlyIf !== undefined || props.notIf !== undefined

  return {
    ...resourceBase({ kind: 'execute', key: props.name, props, triggers: { run: runOn } }),
    journaled: true,
    creates,
    unguarded: !isGuarded,
    check({ observer, interrupted }) {
      if (interrupted) return [{ type: 'act', field: 'run', reason: 'it was cut off' }]
      if (creates !== undefined) return observer.stat(creates) === undefined ? [{ type: 'create', field: 'creates', to: creates, reason: 'there is nothing yet' }] : []
      return isTriggered ? [] : [{ type: 'act', field: 'run', reason: isGuarded ? 'its guard says so' : 'it runs in every boot' }]
    },
    async apply(_changes, { machine, mark, signal, output }) {
      await machine.run(argv, { cwd, env, user, mark, signal, onLine: output })
    },
  }
}
