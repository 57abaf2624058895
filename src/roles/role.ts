import { isRecord } from '../core/plain.ts'
import type { Fault } from '../core/failure.ts'
import type { Place, Role, RunListEntry } from '../core/role.ts'
import { judge } from './complain.ts'
import { failureAt, failureOf } from '../core/faults.ts'
import { roleFiles, type RoleFile, type RoleFiles } from './files.ts'
import { roleAtAGlance, roleSchema, type RoleKeys } from './role-schema.ts'
import { millisecondsOf } from './values.ts'

/** One role with its includes joined: their run lists first, each once; a key that this role has wins, whole; of two includes the later.
 *  Reads only the files it needs. Params are as written: the recipes' schemas judge them.
 *  @throws Failure `role.missing`, `role.invalid` (all faults of a file in one), `role.cycle`, `source.empty` */
export function loadRole(source: string, name: string, files: RoleFiles = roleFiles(source)): Role {
  const file = files.read(name)
  const { own, keys, health, runList } = join(name, file, files, [], new Map())
  return { ...settings(keys, health ?? file), name, securityGroups: own.securityGroups ?? [name], runList, place: file.placeOf([]) }
}

interface Joined {
  /** As the file itself has them. */
  readonly own: RoleKeys
  readonly keys: RoleKeys
  /** The file whose `health` it is. */
  readonly health: RoleFile | undefined
  readonly runList: readonly RunListEntry[]
}

function join(name: string, file: RoleFile, files: RoleFiles, chain: readonly string[], joined: Map<string, Joined>): Joined {
  const own = keysOf(file, files)
  const down = [...chain, name]
  const parts = (own.include ?? []).map((included, index): Joined => {
    const place = file.placeOf(['include', index])
    if (down.includes(included)) throw cycle([...down.slice(down.indexOf(included)), included], place)
    const before = joined.get(included)
    // Included on two ways, it runs once: at the first place.
    return before ? { ...before, runList: [] } : join(included, files.read(included, place), files, down, joined)
  })
  const result = {
    own,
    keys: Object.assign({}, ...parts.map(part => part.keys), own) as RoleKeys,
    health: own.health === undefined ? parts.findLast(part => part.health !== undefined)?.health : file,
    runList: [...parts.flatMap(part => part.runList), ...entriesOf(file, own)],
  }
  joined.set(name, result)
  return result
}

function cycle(chain: readonly string[], place: Place): Error {
  const message = chain.length === 2 ? 'the role includes itself' : `the roles include each other: ${chain.join(' -> ')}`
  return failureAt({ place, message, hint: 'Leave one of these includes out.', code: 'role.cycle' })
}

function keysOf(file: RoleFile, { tell }: RoleFiles): RoleKeys {
  const { value, faults } = roleAtAGlance(file.value) ? { value: file.value, faults: [] } : judge({ ...file, schema: roleSchema(), code: 'role.invalid', prefix: '', whole: 'a role', value: file.value })
  const ofEntries = entryFaults(file)
  const all = [...file.traps, ...faults, ...ofEntries].sort((a, b) => a.place.line - b.place.line)
  if (all.length > 0 && tell === undefined) throw failureOf(all)
  if (all.length > 0) tell?.(all)
  return (faults.length + ofEntries.length === 0 ? value : soundKeys(file, ofEntries.length > 0)) as RoleKeys
}

/** Those of the keys that are as they should be, for one who looks for further faults. */
function soundKeys({ value }: RoleFile, withoutRecipes: boolean): RoleKeys {
  const sound = Object.entries(value as object).filter(([key, one]) => !(withoutRecipes && key === 'recipes') && judgesWell({ [key]: one }))
  return Object.fromEntries(sound) as RoleKeys
}

function judgesWell(value: unknown): boolean {
  return roleSchema().safeParse(value).success
}

/** What the schema can't say of a run list. */
function entryFaults(file: RoleFile): readonly Fault[] {
  const { recipes, include } = file.value as { recipes?: unknown; include?: unknown }
  // A file cut short must not become a role that asks for nothing, and opens.
  if (recipes === undefined && include === undefined) return [{ place: file.placeOf([]), message: 'a role needs recipes, or an include', code: 'role.invalid' }]
  if (!Array.isArray(recipes)) return []
  return recipes.flatMap((entry, index): Fault[] => {
    if (!isRecord(entry)) return []
    const names = Object.keys(entry)
    if (names.length === 1 && names[0] !== '') return []
    const [first, ...more] = names
    const place = file.placeOf(['recipes', index])
    const hint = first !== undefined && entry[first] === null ? `Indent ${more.join(', ')} further: below ${first}, whose params they are.` : 'Give each recipe an entry of its own.'
    return [{ place, message: `recipes[${index}] must be one recipe, found ${names.join(', ') || 'an empty map'}`, hint, code: 'role.invalid' }]
  })
}

function entriesOf(file: RoleFile, keys: RoleKeys): readonly RunListEntry[] {
  return (keys.recipes ?? []).map((entry, index) => {
    const recipe = typeof entry === 'string' ? entry : (Object.keys(entry)[0] as string)
    const inside = typeof entry === 'string' ? ['recipes', index] : ['recipes', index, recipe]
    return {
      recipe,
      params: typeof entry === 'string' ? undefined : (entry[recipe] ?? undefined),
      place: file.placeOf(['recipes', index]),
      placeOf: path => file.placeOf([...inside, ...path]),
      written: path => file.written([...inside, ...path]),
    }
  })
}

function settings(keys: RoleKeys, file: RoleFile): Pick<Role, 'description' | 'health' | 'deadlineMs' | 'onFailure' | 'drain' | 'scaling'> {
  const { health = {}, drain = {} } = keys
  const { probe } = health
  return {
    description: keys.description,
    health: {
      file: health.file ?? 'ping.html',
      content: health.content ?? 'ok {{instance.id}} {{run.id}}\n',
      placeOf: line => lineOf(['health', 'content'], line, file),
      mode: health.mode ?? '0644',
      probe: probe && {
        url: probe.url,
        headers: probe.headers ?? {},
        status: probe.status ?? 200,
        contains: probe.contains,
        withinMs: millisecondsOf(probe.within ?? '30s'),
      },
      url: health.url,
    },
    deadlineMs: millisecondsOf(keys.deadline ?? '15m'),
    onFailure: keys.onFailure ?? 'abandon',
    drain: { settleMs: millisecondsOf(drain.settle ?? '20s'), deadlineMs: millisecondsOf(drain.deadline ?? '5m') },
    scaling: keys.scaling as Role['scaling'],
  }
}

/** Of a text in one line, and of one that YAML folds, the line that it begins in. */
function lineOf(path: readonly string[], line: number, { placeOf, written }: RoleFile): Place {
  const place = placeOf(path)
  return written(path)?.startsWith('|') ? { ...place, line: place.line + line } : place
}
