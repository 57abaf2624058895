import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Address, Addresses, HolderState, Row } from '../../core/cloud.ts'
import type { Clock } from '../../core/clock.ts'
import { Failure } from '../../core/failure.ts'
import { didYouMean } from '../../core/nearest.ts'
import { isRecord } from '../../core/plain.ts'
import { isSuspect } from '../../core/row.ts'
import { namePart, namesIn, notOurs, readObject, removeFile, writeObject, type Exclusively } from './files.ts'
import { found, readYaml, type WrittenFile } from './yaml.ts'

export interface LocalAddresses extends Addresses {
  /** The public address that the instance holds. */
  publicIpOf(instanceId: string): Promise<string | undefined>
}

interface Options {
  readonly directory: string
  readonly clock: Clock
  readonly exclusively: Exclusively
  /** The registry's rows of one instance, in whatever roles: they tell what became of a holder. */
  rowsOf(instanceId: string): readonly Row[]
}

/** Addresses as a person wrote them in addresses.yaml; who holds one stands in `addresses/<allocation id>.json`, and nobody where there is none. */
export function localAddresses({ directory, clock, exclusively, rowsOf }: Options): LocalAddresses {
  const listFile = join(directory, 'addresses.yaml')
  const holders = join(directory, 'addresses')
  const holderFile = (allocationId: string): string => join(holders, `${namePart('an allocation id', allocationId)}.json`)

  function holderOf(allocationId: string): string | null {
    const file = holderFile(allocationId)
    const held = readObject(file)
    if (held === undefined) return null
    if (typeof held.holder !== 'string' || held.holder === '') throw notOurs(file, 'it names no holder')
    return held.holder
  }

  async function written(signal: AbortSignal): Promise<readonly Omit<Address, 'holder'>[]> {
    signal.throwIfAborted()
    const yaml = await readYaml(listFile, 'cloud.invalid')
    return yaml ? addressesOf(yaml) : []
  }

  /** Files of other names are none of ours. */
  function heldBy(instanceId: string): readonly string[] {
    return namesIn(holders)
      .filter(name => /^[^.].*\.json$/.test(name))
      .map(name => name.slice(0, -'.json'.length))
      .filter(allocationId => holderOf(allocationId) === instanceId)
  }

  return {
    settlesInMs: 0,

    async byAllocation(allocationId, signal) {
      const all = await written(signal)
      const address = all.find(one => one.allocationId === allocationId)
      if (address) return { ...address, holder: holderOf(allocationId) }
      throw new Failure('address.missing', `there is no address ${allocationId} in ${listFile}`, {
        hint: all.length === 0 ? `Write it there: [{ allocationId: ${allocationId}, publicIp: 192.0.2.1 }]` : didYouMean(allocationId, all.map(one => one.allocationId)),
      })
    },

    async byTags(tags, signal) {
      const wanted = Object.entries(tags)
      return (await written(signal)).filter(one => wanted.every(([name, value]) => one.tags[name] === value)).map(one => ({ ...one, holder: holderOf(one.allocationId) }))
    },

    // The instance file tells them all.
    async tag() {
      return undefined
    },

    async holderState(instanceId, signal) {
      signal.throwIfAborted()
      return stateOf(rowsOf(instanceId), clock.now())
    },

    take: (allocationId, instanceId, from, signal) =>
      exclusively(signal, () => {
        const holder = holderOf(allocationId)
        if (holder === instanceId) return
        if (holder !== from) throw new Failure('address.held', `${allocationId} is held by ${holder ?? 'nobody'} by now`)
        // As on EC2: an instance has one such address, and a second takes the place of the first.
        for (const other of heldBy(instanceId)) removeFile(holderFile(other))
        writeObject(holderFile(allocationId), { holder: instanceId, since: new Date(clock.now()).toISOString() })
      }),

    release: (allocationId, instanceId, signal) =>
      exclusively(signal, () => {
        if (holderOf(allocationId) === instanceId) removeFile(holderFile(allocationId))
      }),

    howToFree: allocationId => `On the local cloud an instance counts as gone when its registry row says failed, or its lease is past. By hand: rm ${holderFile(allocationId)}`,

    async publicIpOf(instanceId) {
      const [allocationId] = heldBy(instanceId)
      if (allocationId === undefined) return undefined
      const yaml = await readYaml(listFile, 'cloud.invalid')
      return yaml && addressesOf(yaml).find(one => one.allocationId === allocationId)?.publicIp
    },
  }
}

/** Without a row nothing is proven. */
function stateOf(rows: readonly Row[], now: number): HolderState {
  const states = rows.map((row): HolderState => (row.state === 'failed' || isSuspect(row, now) ? 'dead' : row.state === 'draining' ? 'draining' : 'alive'))
  if (states.length === 0 || states.includes('alive')) return 'alive'
  return states.includes('draining') ? 'draining' : 'dead'
}

const KEYS = ['allocationId', 'publicIp', 'tags']

function addressesOf(yaml: WrittenFile): readonly Omit<Address, 'holder'>[] {
  const { value } = yaml
  if (value === null || value === undefined) return []
  if (!Array.isArray(value)) throw yaml.complaint([], `a list of addresses was expected, found ${found(value)}`, 'e.g. [{ allocationId: eipalloc-1, publicIp: 192.0.2.1, tags: { role: web } }]')
  const seen = new Set<string>()
  const addresses = value.map((one: unknown, index) => {
    if (!isRecord(one)) throw yaml.complaint([index], `an address is a mapping, found ${found(one)}`)
    for (const key of Object.keys(one)) if (!KEYS.includes(key)) throw yaml.complaint([index, key], `there is no key "${key}"`, didYouMean(key, KEYS))
    const { allocationId, publicIp, tags } = one
    if (typeof allocationId !== 'string' || !/^[\w][\w.:@+-]*$/.test(allocationId)) throw yaml.complaint([index, 'allocationId'], `"allocationId" must be a name such as eipalloc-1, found ${found(allocationId)}`)
    if (typeof publicIp !== 'string' || isIP(publicIp) === 0) throw yaml.complaint([index, 'publicIp'], `"publicIp" must be an IP address, found ${found(publicIp)}`)
    for (const unique of [allocationId, publicIp]) {
      if (seen.has(unique)) throw yaml.complaint([index], `${unique} stands there twice`)
      seen.add(unique)
    }
    return { allocationId, publicIp, tags: tagsOf(tags, index, yaml) }
  })
  return addresses.sort((a, b) => (a.allocationId < b.allocationId ? -1 : 1))
}

function tagsOf(tags: unknown, index: number, yaml: WrittenFile): Readonly<Record<string, string>> {
  if (tags === undefined || tags === null) return {}
  if (!isRecord(tags)) throw yaml.complaint([index, 'tags'], `"tags" must be a mapping of names to texts, found ${found(tags)}`)
  for (const [name, value] of Object.entries(tags)) {
    if (typeof value !== 'string') throw yaml.complaint([index, 'tags', name], `the tag "${name}" must be a text, found ${found(value)}`, `Put it in quotes: "${String(value)}"`)
  }
  return tags as Record<string, string>
}
