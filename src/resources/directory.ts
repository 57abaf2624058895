import type { Change } from '../core/change.ts'
import { Failure } from '../core/failure.ts'
import type { FileStat, Observer } from '../core/machine.ts'
import { isRecord } from '../core/plain.ts'
import { checkProps } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type CommonProps, type Resource } from '../core/resource.ts'
import { applyAttributes, attributeChanges } from './attributes.ts'
import { originalOf } from './backup.ts'
import { parentsToMake } from './parents.ts'

export interface DirectoryProps extends CommonProps {
  /** Absolute. Missing parents are made too (0755, whoever runs sunup); a file or link that stands there is refused. */
  readonly path: string
  /** Octal, e.g. '0750'. Default: as the directory has it; 0755 for a new one. */
  readonly mode?: string | undefined
  /** User name, or a uid as text. Default: as the directory has it; whoever runs sunup for a new one. */
  readonly owner?: string | undefined
  /** Group name, or a gid as text. Default as for the owner. */
  readonly group?: string | undefined
  /** Removes what lies in it, whole trees too; each entry stands among the changes. What other resources put there must be named in
   *  `keep`, with * for any run of characters: no resource knows of another. The backups
   *  of a kept file are kept. Default: nothing is removed. */
  readonly purge?: boolean | { readonly keep: readonly string[] } | undefined
}

/** A directory.
 *  @throws Failure `resource.invalid`; its check `file.kind`, `file.denied`, `absent.user`, `absent.group` */
export function directory(props: DirectoryProps): Resource {
  const { path, mode, owner, group } = props
  const label = `directory[${path}]`
  checkProps(label, props, { ...COMMON_PROPS, path: 'plainPath', mode: 'mode?', owner: 'string?', group: 'string?', purge: 'any?' })
  const keeps = keeping(label, props.purge)
  return {
    ...resourceBase({ kind: 'directory', key: path, props }),
    occupies: { path, as: 'directory' },
    check({ observer }) {
      const found = observer.stat(path)
      const attributes = attributeChanges(found, props, observer)
      if (found === undefined) return [{ type: 'create', field: 'directory', ...parentsToMake(path, observer) }, ...attributes]
      if (found.kind !== 'directory') throw misfit(path, found)
      return keeps ? [...attributes, ...superfluous(path, keeps, observer)] : attributes
    },
    apply(changes, { machine }) {
      if (changes.some(change => change.type === 'create')) machine.makeDirectory(path, { mode, owner, group })
      applyAttributes(path, props, changes, machine)
      for (const change of changes) if (change.type === 'remove') machine.remove(`${path}/${change.from}`)
    },
  }
}

type Keeps = (name: string) => boolean

function superfluous(path: string, keeps: Keeps, observer: Observer): Change[] {
  return (observer.list(path) ?? []).filter(name => !keeps(name)).map(name => {
    const below = observer.stat(`${path}/${name}`)?.kind === 'directory' ? (observer.list(`${path}/${name}`)?.length ?? 0) : 0
    return { type: 'remove', field: 'entry', from: name, ...(below > 0 && { reason: `a directory with ${below} ${below === 1 ? 'entry' : 'entries'}` }) }
  })
}

/** undefined: nothing is purged. @throws Failure `resource.invalid` */
function keeping(label: string, purge: unknown): Keeps | undefined {
  if (purge === undefined || purge === false) return undefined
  if (purge === true) return () => false
  const keep = isRecord(purge) && Object.keys(purge).every(key => key === 'keep') ? purge.keep : undefined
  if (!Array.isArray(keep) || !keep.every(name => typeof name === 'string')) {
    throw new Failure('resource.invalid', `${label}: "purge" must be true or { keep: [names] }, found ${JSON.stringify(purge)}`)
  }
  const patterns = keep.map(name => new RegExp(`^${name.split('*').map(escaped).join('.*')}$`, 's'))
  // What a kept file's resource keeps beside it is kept, too: else the two would never be done.
  return name => patterns.some(pattern => pattern.test(name) || pattern.test(originalOf(name)))
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

function misfit(path: string, { kind }: FileStat): Failure {
  return new Failure('file.kind', `${path} should be a directory, but is a ${kind === 'other' ? 'device, socket or pipe' : kind}`, {
    hint: kind === 'link' ? 'Declare the directory that it leads to, or remove the link.' : 'It is not replaced: move it away, or choose another path.',
  })
}
