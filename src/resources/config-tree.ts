import { normalize } from 'node:path'
import type { Change } from '../core/change.ts'
import { Failure } from '../core/failure.ts'
import { isRecord } from '../core/plain.ts'
import { checkProps } from '../core/props.ts'
import type { Asset } from '../core/recipe.ts'
import { COMMON_PROPS, resourceBase, type ApplyContext, type CheckContext, type CommonProps, type Resource } from '../core/resource.ts'
import { isSecret, reveal, type Secret } from '../core/secret.ts'
import { generations } from './generations.ts'
import { render } from './mustache.ts'
import { parentsToMake } from './parents.ts'
import { checkStaged, type Checker } from './tree-checker.ts'
import { checkTreePaths, treeDifferences, type TreeFile, type TreeFiles } from './tree-files.ts'

export interface ConfigTreeProps extends CommonProps {
  /** Where programs find the tree, e.g. '/etc/nginx/sunup': a link to the generation that is live, which lies with the one before it in
   *  `<path>.d`. */
  readonly path: string
  /** All of its files, by their path below the tree; what else lies there is removed. Directories are 0755. */
  readonly files: Readonly<Record<string, ConfigTreeFile>>
  /** A command that exits with 0 when the tree can be taken up, e.g. ['nginx', '-t']. It runs in a private mount namespace in which the
   *  staged tree is live; where that is not allowed, on the staged files, if the argv names them with `{path}`; else it is skipped, and said so. */
  readonly verify?: readonly string[] | ConfigTreeChecker | undefined
  /** Paths whose place the tree takes, such as a default site: removed just before it becomes live. The checker does not see those that
   *  lie below the tree's own directory. */
  readonly replaces?: readonly string[] | undefined
}

export type ConfigTreeFile =
  | { readonly content: string | Secret; readonly mode?: string | undefined }
  | {
      /** A mustache template. A secret among its vars makes the file one. */
      readonly source: Asset
      readonly vars?: Readonly<Record<string, unknown>> | undefined
      readonly partials?: Readonly<Record<string, Asset>> | undefined
      readonly mode?: string | undefined
    }

export interface ConfigTreeChecker {
  readonly argv: readonly string[]
  /** Directories it writes to, e.g. '/run': a user who is not root gets empty ones in their place. Default: none. */
  readonly scratch?: readonly string[] | undefined
}

/** A tree of files taken up as a whole: all are staged, checked together as they will be live, and become live in one rename. Whoever
 *  reads sees the old tree or the new one. When a reload that it caused fails, the tree before it is put back.
 *  Modes default to '0644', those of secrets to '0600'.
 *  @throws Failure `resource.invalid`; when applied `file.refused` (the checker's words in `output`), `file.kind`, `file.denied`, `disk.full` */
export function configTree(props: ConfigTreeProps): Resource {
  const label = `configTree[${props.path}]`
  checkProps(label, props, { ...COMMON_PROPS, path: 'plainPath', files: 'record', verify: 'any?', replaces: 'strings?' })
  const path = props.path.replace(/\/+$/, '')
  const files = filesOf(label, props.files)
  const checker = checkerOf(label, props.verify)
  const replaces = props.replaces ?? []
  for (const one of replaces) {
    const own = normalize(one).replace(/\/+$/, '')
    if (own === path || own === `${path}.d` || `${path}/`.startsWith(`${own}/`)) throw new Failure('resource.invalid', `${label}: "replaces" names ${one}, where the tree itself lies`)
  }
  const base = resourceBase({ kind: 'configTree', key: path, props: { ...props, path, files: Object.fromEntries(files), verify: checker, replaces } })
  const kept = generations(path)

  function missing(observer: CheckContext['observer']): { readonly tree: readonly Change[]; readonly rest: readonly Change[] } {
    const live = kept.live(observer)
    const target = live === undefined ? observer.readLink(path) : undefined
    return {
      tree: [
        ...(target === undefined ? [] : [{ type: 'update', field: 'link', from: target, to: kept.directory } as const]),
        ...(live === undefined ? [{ type: 'create', ...parentsToMake(path, observer) } as const] : []),
        ...treeDifferences(observer, live === undefined ? undefined : kept.at(live), files),
      ],
      rest: [
        ...replaces.flatMap(one => replaced(observer, one, path)),
        ...kept.leftovers(observer).map((left): Change => ({ type: 'remove', field: left, reason: 'left by a run that was cut off' })),
      ],
    }
  }

  async function takeUp(context: ApplyContext): Promise<void> {
    const { machine } = context
    const first = kept.live(machine) === undefined
    for (const left of kept.leftovers(machine)) machine.remove(left)
    const generation = kept.next(machine)
    const staged = kept.at(generation)
    try {
      machine.makeDirectory(staged, { mode: '0755' })
      for (const [name, file] of files) machine.write(`${staged}/${name}`, reveal(file.content), { mode: file.mode })
      if (checker) await checkStaged({ id: base.id, path, staged, replaces, files }, checker, context)
    } catch (error) {
      // Its removal must not hide why.
      discard(() => {
        for (const left of kept.leftovers(machine)) machine.remove(left)
        if (first && machine.list(kept.directory)?.length === 0) machine.remove(kept.directory)
      })
      throw error
    }
    for (const one of replaces) machine.remove(one)
    kept.swing(machine, generation)
  }

  return {
    ...base,
    occupies: { path, as: 'link' },
    check({ observer }) {
      const { tree, rest } = missing(observer)
      return [...tree, ...rest]
    },
    async apply(_changes, context) {
      const { machine } = context
      if (missing(machine).tree.length > 0) return takeUp(context)
      for (const one of replaces) machine.remove(one)
      for (const left of kept.leftovers(machine)) machine.remove(left)
    },
    revert({ machine, output }) {
      const back = kept.swingBack(machine)
      output('stderr', back === undefined ? `${path} stays as it is: there is nothing to go back to` : `${path} was taken back to ${back}`)
    },
  }
}

function replaced(observer: CheckContext['observer'], one: string, by: string): readonly Change[] {
  const stat = observer.stat(one)
  if (stat === undefined) return []
  if (stat.kind === 'directory') throw new Failure('file.kind', `${one} is a directory: ${by} does not take its place`, { hint: 'Use directory with purge, or remove it by hand.' })
  return [{ type: 'remove', field: one, reason: `${by} takes its place` }]
}

function filesOf(label: string, given: ConfigTreeProps['files']): TreeFiles {
  checkTreePaths(label, Object.keys(given))
  return new Map(Object.entries(given).map(([path, file]) => [path, fileOf(`${label}: ${path}`, file)]))
}

function fileOf(label: string, file: ConfigTreeFile): TreeFile {
  if (!isRecord(file)) throw new Failure('resource.invalid', `${label}: must be { content } or { source, vars }`)
  checkProps(label, file, 'source' in file ? { source: 'record', vars: 'record?', partials: 'record?', mode: 'mode?' } : { content: 'text', mode: 'mode?' })
  const content = 'source' in file ? render(file.source, file.vars ?? {}, file.partials) : file.content
  return { content, mode: (file.mode ?? (isSecret(content) ? '0600' : '0644')).padStart(4, '0'), origin: 'source' in file ? file.source.name : undefined }
}

function checkerOf(label: string, verify: ConfigTreeProps['verify']): Checker | undefined {
  if (verify === undefined) return undefined
  const given: ConfigTreeChecker = Array.isArray(verify) ? { argv: verify as readonly string[] } : (verify as ConfigTreeChecker)
  checkProps(`${label}: verify`, given, { argv: 'argv', scratch: 'strings?' })
  return { argv: given.argv, scratch: given.scratch ?? [] }
}

function discard(act: () => void): void {
  try {
    act()
  } catch {
    // The next run finds what is left, and removes it.
  }
}
