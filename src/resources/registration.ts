import { isDeepStrictEqual } from 'node:util'
import { compareBoots } from '../core/boot-id.ts'
import type { Change } from '../core/change.ts'
import type { Registry, Row, RowKey } from '../core/cloud.ts'
import { Failure } from '../core/failure.ts'
import type { Plain } from '../core/plain.ts'
import { checkProps, oneOf } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type CommonProps, type Resource } from '../core/resource.ts'

/** What others may know of this instance; null is as good as not there. */
export interface MemberAttributes {
  readonly instanceType?: string | null | undefined
  readonly availabilityZone?: string | null | undefined
  readonly privateIp?: string | null | undefined
  readonly publicIp?: string | null | undefined
  readonly publicHostname?: string | null | undefined
  readonly meta?: Readonly<Record<string, Plain>> | null | undefined
}

export interface RegistrationProps extends CommonProps {
  readonly registry: Registry
  readonly key: RowKey
  readonly attributes?: MemberAttributes | undefined
  /** absent: this instance is in the list no more. Default: present. */
  readonly state?: 'present' | 'absent' | undefined
}

/** This instance's row in the fleet's registry, with its identity. Whether it serves, its lease, load and revision are the gate's and the
 *  run's to write: they are never a change. @throws Failure `registry.lost` when a later boot of this instance owns the row */
export function registration(props: RegistrationProps): Resource {
  const { registry, ...data } = props
  checkProps('registration', props, { ...COMMON_PROPS, registry: 'record', key: 'record', attributes: 'record?', state: 'string?' })
  const { key } = props
  checkProps('registration: key', key, { role: 'string', instanceId: 'string', bootId: 'string' })
  const base = resourceBase({ kind: 'registry', key: key.role, props: data })
  const attributes = props.attributes ?? {}
  for (const name of Object.keys(attributes)) {
    if (!NAMES.includes(name as AttributeName)) throw new Failure('resource.invalid', `${base.id}: there is no attribute "${name}"`, { hint: `There is: ${NAMES.join(', ')}.` })
  }
  const isAbsent = oneOf(base.id, 'state', props.state ?? 'present', ['present', 'absent']) === 'absent'
  return { ...base, ...(isAbsent ? removed(registry, key) : registered(registry, key, attributes)) }
}

const NAMES = ['instanceType', 'availabilityZone', 'privateIp', 'publicIp', 'publicHostname', 'meta'] as const
type AttributeName = (typeof NAMES)[number]

function registered(registry: Registry, key: RowKey, attributes: MemberAttributes): Pick<Resource, 'check' | 'apply'> {
  const wanted = identityOf(attributes)
  return {
    async check({ signal }) {
      const row = await registry.read(key.role, key.instanceId, signal)
      if (row && compareBoots(key.bootId, row.bootId) === 'older') throw lost(key, row)
      const known = row?.bootId === key.bootId ? identityOf(row) : undefined
      // The gate writes that this instance is booting before anything is known of it: such a row says nothing yet.
      const isBare = known === undefined || (Object.keys(known).length === 0 && Object.keys(wanted).length > 0)
      if (isBare) return [{ type: 'create', to: wanted as Plain }]
      return NAMES.filter(name => !isDeepStrictEqual(known[name], wanted[name])).map(
        (name): Change => ({
          type: known[name] === undefined ? 'create' : wanted[name] === undefined ? 'remove' : 'update',
          field: name,
          ...(known[name] !== undefined && { from: known[name] as Plain }),
          ...(wanted[name] !== undefined && { to: wanted[name] as Plain }),
        }),
      )
    },
    async apply(_changes, { signal }) {
      const patch = Object.fromEntries(NAMES.map(name => [name, wanted[name]]))
      // While it serves, only its identity changes: the state is the gate's.
      try {
        await registry.update(key, patch, signal)
      } catch (error) {
        // There is none, or it is an earlier boot's. A later boot's is not to be had in this way either.
        if (!(error instanceof Failure && error.code === 'registry.lost')) throw error
        await registry.register(key, { ...patch, state: 'booting' }, signal)
      }
    },
  }
}

function removed(registry: Registry, key: RowKey): Pick<Resource, 'check' | 'apply'> {
  /** An earlier boot's row is this instance's too; a later boot's is not ours to remove. */
  const ours = async (signal: AbortSignal): Promise<Row | undefined> => {
    const row = await registry.read(key.role, key.instanceId, signal)
    return row && compareBoots(key.bootId, row.bootId) !== 'older' ? row : undefined
  }
  return {
    async check({ signal }) {
      return (await ours(signal)) ? [{ type: 'remove', from: key.instanceId }] : []
    },
    async apply(_changes, { signal }) {
      const row = await ours(signal)
      if (row) await registry.remove({ ...key, bootId: row.bootId }, signal)
    },
  }
}

function identityOf(from: MemberAttributes | Row): Partial<Record<AttributeName, unknown>> {
  const isSaid = (value: unknown): boolean => value !== undefined && value !== null && !(typeof value === 'object' && Object.keys(value).length === 0)
  return Object.fromEntries(NAMES.flatMap(name => (isSaid(from[name]) ? [[name, from[name]]] : [])))
}

function lost({ role, instanceId, bootId }: RowKey, row: Row): Failure {
  return new Failure('registry.lost', `the registry's row of ${instanceId} in ${role} belongs to boot ${row.bootId}, which is later than this one (${bootId})`, {
    hint: 'This instance was started again since: only its latest boot speaks for it.',
  })
}
