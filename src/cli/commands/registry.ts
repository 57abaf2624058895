import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { bootIdOf, compareBoots } from '../../core/boot-id.ts'
import type { Cloud, Registry, Row, RowKey, RowPatch } from '../../core/cloud.ts'
import { errnoOf, Failure } from '../../core/failure.ts'
import type { Format } from '../../formats/format.ts'
import { readDecision } from '../../life/decision.ts'
import { chooseRole } from '../../life/outset.ts'
import { runDirectoryOf, type Settings } from '../../life/settings.ts'
import { bootMark, readBootMark } from '../../machine/boot.ts'
import { systemClock } from '../../machine/clock.ts'
import { painter } from '../../reporters/paint.ts'
import { visible } from '../../reporters/visible.ts'
import type { World } from '../compose.ts'
import { cloudOf, machineOf, settingsOf, withRepository } from '../place.ts'
import type { Asked, Command } from '../verbs.ts'

/** What can be the name of a role, or of an instance. */
const NAME = /^\w[\w.-]*$/

/** The boot of a row that a person put: older than any, so that the instance's own boot takes it over. */
const BY_HAND = bootIdOf(0, 'by-hand')
/** An instance that renews its row while it is being removed is met again a few times; one that does so for ever is there. */
const REMOVALS = 5

const FORMATS: Readonly<Record<string, () => Promise<{ readonly default: Format }>>> = {
  table: () => import('../../formats/table.ts'),
  json: () => import('../../formats/json.ts'),
}

interface Here {
  readonly asked: Asked
  readonly world: World
  readonly settings: Settings
  readonly cloud: Cloud
  readonly registry: Registry
  readonly signal: AbortSignal
}

const registry: Command = async (asked, world) => {
  const [action = '', ...ids] = asked.arguments
  const act = ACTIONS[action as keyof typeof ACTIONS]
  if ((action === 'list' || action === 'init') && ids.length > 0) throw new Failure('usage', `sunup registry ${action} takes no instance ids`, { hint: action === 'list' ? '--role lists one role alone.' : undefined })
  if (asked.role !== undefined && !NAME.test(asked.role)) throw new Failure('usage', `${JSON.stringify(asked.role)} is no role`)
  for (const id of ids) if (!NAME.test(id)) throw new Failure('usage', `${JSON.stringify(id)} is no instance id`, { hint: 'e.g. i-0123456789abcdef0' })
  const settings = settingsOf(asked, world)
  const cloud = await cloudOf(settings, world)
  return await act({ asked, world, settings, cloud, registry: cloud.registry, signal: world.signal }, ids)
}

export default registry

const ACTIONS = { list, put, remove, init }

async function list({ asked, world, registry, signal }: Here): Promise<number> {
  const name = asked.format === undefined || asked.format === 'text' ? 'table' : asked.format
  const { default: format } = await (FORMATS[name] as (typeof FORMATS)[string])()
  const options = { now: systemClock.now(), visible, paint: painter(world.colour) }
  const foreign: Failure[] = []
  for await (const text of format(registry.list(asked.role, signal, failure => foreign.push(failure)), options)) world.write(text)
  // All others are listed first.
  const [first] = foreign
  if (first) throw first
  return 0
}

async function init({ asked, world, registry, signal }: Here): Promise<number> {
  const done = (await registry.ensureTable?.(signal)) ?? []
  if (asked.format === 'json') world.write(`${JSON.stringify({ done })}\n`)
  else world.write(done.length === 0 ? 'nothing to do: the registry can be used\n' : done.map(one => `${one}\n`).join(''))
  return 0
}

async function put(here: Here, ids: readonly string[]): Promise<number> {
  const { asked, world, registry } = here
  const rows: Row[] = []
  for (const id of new Set(ids)) rows.push(...(await putNamed(here, id)))
  if (ids.length === 0) rows.push(await putThis(here))
  if (asked.format === 'json') world.write(`${JSON.stringify(rows)}\n`)
  else for (const { role, instanceId, state } of rows) world.write(`put ${visible(instanceId)} in ${visible(role)}: ${state}, for ${registry.leaseMs / 1_000} s\n`)
  return 0
}

/** What is known of another instance is in its row: that stays, with a new lease. */
async function putNamed({ asked, registry, signal }: Here, instanceId: string): Promise<readonly Row[]> {
  const found = await rowsOf(registry, asked.role, instanceId, signal)
  if (found.length > 0) return await Promise.all(found.map(({ role, bootId }) => registry.update({ role, instanceId, bootId }, {}, signal)))
  if (asked.role === undefined) throw new Failure('usage', `${instanceId} is in no role of the registry`, { hint: 'Say which one it is to be in, with --role.' })
  return [await registry.register({ role: asked.role, instanceId, bootId: BY_HAND }, { state: 'in-service' }, signal)]
}

/** This instance, with its identity. In service is what its gate says. */
async function putThis(here: Here): Promise<Row> {
  const { asked, world, settings, cloud, registry, signal } = here
  const machine = machineOf(asked, world)
  const instance = await cloud.metadata.identity(signal)
  const role = roleHere(here, instance.id) ?? (await withRepository(settings, asked, world, repository => chooseRole(repository, instance).role.name, instance.securityGroups))
  const run = runDirectoryOf(machine, settings)
  const key: RowKey = { role, instanceId: instance.id, bootId: bootMark(run).bootId }
  const old = await registry.read(role, instance.id, signal)
  const patch: RowPatch = {
    instanceType: instance.type ?? undefined,
    availabilityZone: instance.zone ?? undefined,
    privateIp: instance.privateIp ?? undefined,
    publicIp: instance.publicIp ?? undefined,
    publicHostname: instance.publicHostname ?? undefined,
    ...(old?.bootId !== key.bootId && { state: isOpen(join(run, 'health')) ? 'in-service' : 'booting' }),
  }
  return await registry.register(key, patch, signal)
}

async function remove(here: Here, ids: readonly string[]): Promise<number> {
  const { asked, world } = here
  const gone: Removed[] = []
  for (const id of new Set(ids)) gone.push(...(await removeNamed(here, id)))
  if (ids.length === 0) gone.push(...(await removeThis(here)))
  if (asked.format === 'json') world.write(`${JSON.stringify(gone)}\n`)
  else for (const { role, instanceId, removed } of gone) world.write(removed ? `removed ${visible(instanceId)} from ${visible(role ?? '')}\n` : `${visible(instanceId)} was not there\n`)
  return 0
}

interface Removed {
  /** null: it was in none. */
  readonly role: string | null
  readonly instanceId: string
  readonly removed: boolean
}

async function removeNamed({ asked, registry, signal }: Here, instanceId: string): Promise<readonly Removed[]> {
  const found = await rowsOf(registry, asked.role, instanceId, signal)
  const gone = await Promise.all(found.map(row => removeRow(registry, row, signal)))
  return gone.length === 0 ? [{ role: asked.role ?? null, instanceId, removed: false }] : gone
}

/** Whoever is named goes, whichever boot has registered him meanwhile. */
async function removeRow(registry: Registry, row: Row, signal: AbortSignal): Promise<Removed> {
  const { role, instanceId } = row
  let now: Row | undefined = row
  for (let tries = 0; now && tries < REMOVALS; tries++) {
    if (await registry.remove({ role, instanceId, bootId: now.bootId }, signal)) return { role, instanceId, removed: true }
    now = await registry.read(role, instanceId, signal)
  }
  if (now) throw new Failure('registry.unwritable', `${instanceId} registers itself in ${role} as often as it is removed`)
  return { role, instanceId, removed: false }
}

/** Only what this boot or an earlier one has written: a late stop must not take away the next boot's row. */
async function removeThis(here: Here): Promise<readonly Removed[]> {
  const { asked, world, settings, cloud, registry, signal } = here
  const { id: instanceId } = await cloud.metadata.identity(signal)
  const { bootId } = readBootMark(runDirectoryOf(machineOf(asked, world), settings))
  const role = roleHere(here, instanceId)
  const found = await rowsOf(registry, role, instanceId, signal)
  const later = found.find(row => compareBoots(bootId, row.bootId) === 'older')
  if (later) throw new Failure('registry.lost', `the row of ${instanceId} in ${later.role} is that of a later boot (${later.bootId}; this one is ${bootId})`, { hint: `sunup registry remove ${instanceId} removes it all the same.` })
  const gone = await Promise.all(found.map(async row => ({ role: row.role, instanceId, removed: await registry.remove(row, signal) })))
  return gone.length === 0 ? [{ role: role ?? null, instanceId, removed: false }] : gone
}

/** As it was asked for, or as the last boot decided. */
function roleHere({ asked, world, settings }: Here, instanceId: string): string | undefined {
  return asked.role ?? readDecision(join(machineOf(asked, world).hostPath(settings.state), instanceId))?.role
}

/** The rows of an instance: of one role, or in whatever roles they are. */
async function rowsOf(registry: Registry, role: string | undefined, instanceId: string, signal: AbortSignal): Promise<readonly Row[]> {
  if (role !== undefined) {
    const row = await registry.read(role, instanceId, signal)
    return row ? [row] : []
  }
  const rows: Row[] = []
  // What somebody else's row says is no concern of this instance's.
  for await (const row of registry.list(undefined, signal, () => {})) if (row.instanceId === instanceId) rows.push(row)
  return rows
}

/** Anything in <run>/health is an open gate: what does not count begins with a dot. */
function isOpen(directory: string): boolean {
  try {
    return readdirSync(directory, { withFileTypes: true, recursive: true }).some(one => one.isFile() && !one.name.startsWith('.'))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}
