import { isIP } from 'node:net'
import type { Metadata } from '../../core/cloud.ts'
import { Failure } from '../../core/failure.ts'
import type { Instance } from '../../core/instance.ts'
import { didYouMean } from '../../core/nearest.ts'
import { isRecord } from '../../core/plain.ts'
import { found, readYaml, type WrittenFile } from './yaml.ts'

/** The identity that a person wrote down in instance.yaml. A public address that this instance holds stands in for the written one.
 *  @param publicIpOf the address that the instance holds, if it holds one */
export function localMetadata(instanceFile: string, publicIpOf: (instanceId: string) => Promise<string | undefined>): Metadata {
  async function identity(signal: AbortSignal): Promise<Instance> {
    signal.throwIfAborted()
    const yaml = await readYaml(instanceFile, 'instance.invalid')
    if (yaml === undefined) {
      throw new Failure('instance.missing', `there is no instance file ${instanceFile}`, { hint: `The local cloud reads the machine's identity from it. The least is:\n${LEAST}` })
    }
    const instance = instanceOf(yaml)
    const publicIp = await publicIpOf(instance.id)
    return publicIp === undefined ? instance : { ...instance, publicIp }
  }
  return { identity, publicIp: async signal => (await identity(signal)).publicIp }
}

const LEAST = '  id: i-local\n  securityGroups: [web]'

const TEXTS = ['id', 'type', 'region', 'zone', 'privateIp', 'publicIp', 'publicHostname'] as const
const KEYS: readonly string[] = [...TEXTS, 'securityGroups', 'tags']

/** A file's name has 255 bytes; this is a part of some. */
const LONGEST_ID = 200

function instanceOf(yaml: WrittenFile): Instance {
  const { value } = yaml
  if (!isRecord(value)) throw yaml.complaint([], `an instance file is a mapping, found ${found(value)}`, `The least is:\n${LEAST}`)
  for (const key of Object.keys(value)) {
    if (!KEYS.includes(key)) throw yaml.complaint([key], `there is no key "${key}"`, didYouMean(key, KEYS))
  }
  const text = (key: (typeof TEXTS)[number]): string | null => {
    const given = value[key]
    if (given === undefined || given === null) return null
    if (typeof given !== 'string' || given === '') throw yaml.complaint([key], `"${key}" must be a text, found ${found(given)}`, quoted(given))
    return given
  }
  const ip = (key: 'privateIp' | 'publicIp'): string | null => {
    const given = text(key)
    if (given !== null && isIP(given) === 0) throw yaml.complaint([key], `"${key}" must be an IP address, found ${found(given)}`)
    return given
  }
  const id = text('id')
  if (id === null) throw yaml.complaint(['id'], `"id" is missing`, `Name the instance, e.g. id: i-local`)
  if (!/^[A-Za-z0-9][\w.-]*$/.test(id)) throw yaml.complaint(['id'], `"id" must be letters, digits and . _ -, found ${found(id)}`)
  if (id.length > LONGEST_ID) throw yaml.complaint(['id'], `"id" has ${id.length} characters, and may have ${LONGEST_ID}`, 'It is the name of a directory.')
  return {
    id,
    type: text('type'),
    region: text('region'),
    zone: text('zone'),
    privateIp: ip('privateIp'),
    publicIp: ip('publicIp'),
    publicHostname: text('publicHostname'),
    securityGroups: groups(value.securityGroups, yaml),
    tags: tags(value.tags, yaml),
  }
}

function groups(given: unknown, yaml: WrittenFile): readonly string[] {
  if (given === undefined || given === null) {
    throw yaml.complaint(['securityGroups'], '"securityGroups" is missing', 'They pick the role, e.g. securityGroups: [web]')
  }
  if (!Array.isArray(given)) throw yaml.complaint(['securityGroups'], `"securityGroups" must be a list of names, found ${found(given)}`, 'e.g. securityGroups: [web]')
  given.forEach((name: unknown, index) => {
    if (typeof name !== 'string' || name === '') throw yaml.complaint(['securityGroups', index], `a security group must be a name, found ${found(name)}`, quoted(name))
  })
  return given as string[]
}

function tags(given: unknown, yaml: WrittenFile): Readonly<Record<string, string>> {
  if (given === undefined || given === null) return {}
  if (!isRecord(given)) throw yaml.complaint(['tags'], `"tags" must be a mapping of names to texts, found ${found(given)}`)
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string') throw yaml.complaint(['tags', name], `the tag "${name}" must be a text, found ${found(value)}`, quoted(value))
  }
  return given as Record<string, string>
}

/** YAML reads 1.10 as the number 1.1. */
function quoted(value: unknown): string | undefined {
  return typeof value === 'number' || typeof value === 'boolean' ? `Put it in quotes: "${String(value)}"` : undefined
}
