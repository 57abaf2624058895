import { basename, dirname } from 'node:path'
import type { Change } from '../core/change.ts'
import { Failure } from '../core/failure.ts'
import type { FileStat, Machine, Observer, WriteOptions } from '../core/machine.ts'
import { ownersCount } from '../core/owner.ts'
import type { ApplyContext } from '../core/resource.ts'
import { isSecret, reveal, type Secret } from '../core/secret.ts'
import { applyAttributes, attributeChanges, type Attributes } from './attributes.ts'
import { keepBackup } from './backup.ts'
import { parentsToMake } from './parents.ts'

/** A regular file as it should be: what `file` and `template` come down to. */
export interface WantedFile extends Attributes {
  readonly path: string
  readonly content: string | Secret
  readonly verify?: readonly string[] | undefined
  readonly backup?: boolean | number | undefined
}

/** Longer ones are counted instead of shown. */
const SHOWN_BYTES = 512 * 1024

/** What differs: one lstat, and one read when the sizes are equal. */
export function checkFile(wanted: WantedFile, observer: Observer): readonly Change[] {
  const { path } = wanted
  const found = observer.stat(path)
  if (found?.kind === 'directory' || found?.kind === 'other') throw misfit(path, found.kind)
  const attributes = withDefaults(wanted)
  if (found === undefined) {
    const made = attributeChanges(found, attributes, observer)
    return [{ type: 'create', ...newContent(wanted), ...parentsToMake(path, observer) }, ...made]
  }
  if (found.kind === 'link') {
    const made = attributeChanges(undefined, attributes, observer)
    return [
      { type: 'remove', field: 'link', from: observer.readLink(path) ?? '' },
      { type: 'create', ...newContent(wanted) },
      ...made,
    ]
  }
  const changes = attributeChanges(found, attributes, observer)
  if (holds(wanted, found, observer)) return changes
  const before = isSecret(wanted.content) ? {} : shownContent(path, found, observer)
  return [{ type: 'update', ...newContent(wanted), ...before }, ...changes]
}

/** Makes it so, in one rename. Only with a `verify` is there something to wait for. */
export function applyFile(wanted: WantedFile, changes: readonly Change[], context: ApplyContext): void | Promise<void> {
  const { machine } = context
  const { path } = wanted
  if (!changes.some(change => change.field === 'content')) return applyAttributes(path, withDefaults(wanted), changes, machine)
  const found = machine.stat(path)
  if (wanted.backup && found?.kind === 'file') keepBackup(path, found, wanted.backup === true ? 1 : wanted.backup, machine)
  const options = writeOptions(wanted, found, machine)
  if (wanted.verify === undefined) {
    // A kill may have left one, of a time when there was a verify.
    machine.remove(stagedFor(path))
    return machine.write(path, reveal(wanted.content), options)
  }
  return writeVerified(wanted, wanted.verify, options, context)
}

/** The rules of the props that file and template share. */
export const FILE_PROPS = { path: 'plainPath', mode: 'mode?', owner: 'string?', group: 'string?', verify: 'argv?', backup: 'any?' } as const

/** What a table of rules can't say. @throws Failure `resource.invalid` */
export function checkFileProps(label: string, { verify, backup }: Pick<WantedFile, 'verify' | 'backup'>): void {
  if (verify && !verify.some(argument => argument.includes('{path}'))) {
    throw new Failure('resource.invalid', `${label}: "verify" must name the new file as {path}, found ${JSON.stringify(verify)}`, {
      hint: 'For example ["visudo", "-cf", "{path}"].',
    })
  }
  if (backup !== undefined && typeof backup !== 'boolean' && !(Number.isInteger(backup) && backup >= 0)) {
    throw new Failure('resource.invalid', `${label}: "backup" must be true, or how many to keep, found ${JSON.stringify(backup)}`)
  }
}

/** A secret is nobody else's to read unless it is said so. */
function withDefaults(wanted: WantedFile): Attributes {
  return wanted.mode === undefined && isSecret(wanted.content) ? { ...wanted, mode: '0600' } : wanted
}

function holds({ path, content }: WantedFile, found: FileStat, observer: Observer): boolean {
  const text = reveal(content)
  if (found.size !== Buffer.byteLength(text)) return false
  return observer.read(path)?.equals(Buffer.from(text)) ?? false
}

function newContent({ content }: WantedFile): Omit<Change, 'type'> {
  if (isSecret(content)) return { field: 'content', secret: true }
  const text = reveal(content)
  return { field: 'content', to: text.length > SHOWN_BYTES ? `(${Buffer.byteLength(text)} bytes)` : text }
}

/** What others may not read is not shown: it may hold a secret that the new content has no more. */
export const NOT_SHOWN = 'what it replaces is not shown: others may not read it'

/** What is there now, for a diff; else why there is none. */
function shownContent(path: string, found: FileStat, observer: Observer): Pick<Change, 'from' | 'reason'> {
  if ((parseInt(found.mode, 8) & 0o007) === 0) return { reason: NOT_SHOWN }
  if (found.size > SHOWN_BYTES) return { reason: `it replaces ${found.size} bytes` }
  const bytes = observer.read(path)
  if (bytes === undefined) return { from: '' }
  const text = bytes.toString('utf8')
  return text.includes('\0') || !Buffer.from(text).equals(bytes) ? { reason: `it replaces ${bytes.length} bytes that are no text` } : { from: text }
}

/** What is not asked for stays as the replaced file has it. */
function writeOptions(wanted: WantedFile, found: FileStat | undefined, machine: Machine): WriteOptions {
  const { mode, owner, group } = withDefaults(wanted)
  const old = found?.kind === 'file' ? found : undefined
  const keeps = old !== undefined && machine.privileged && ownersCount(machine)
  return {
    mode: mode ?? old?.mode,
    owner: owner ?? (keeps ? `+${old.uid}` : undefined),
    group: group ?? (keeps ? `+${old.gid}` : undefined),
  }
}

/** The new content is tried beside the old, under the same ending; what a kill leaves of it the next apply overwrites. */
async function writeVerified(wanted: WantedFile, verify: readonly string[], options: WriteOptions, context: ApplyContext): Promise<void> {
  const { machine, signal } = context
  const { path, content } = wanted
  const staged = stagedFor(path)
  machine.write(staged, reveal(content), options)
  try {
    const argv = verify.map(argument => argument.replaceAll('{path}', machine.hostPath(staged)))
    await machine.run(argv, { signal, onLine: isSecret(content) ? undefined : context.output })
    signal.throwIfAborted()
    machine.rename(staged, path)
  } catch (error) {
    machine.remove(staged)
    if (!(error instanceof Failure) || error.code !== 'command.failed') throw error
    // A checker quotes what it dislikes: of a secret nothing of that is passed on.
    const said = isSecret(content) ? {} : { output: error.output, cause: error }
    throw new Failure('file.refused', `${path}: ${verify[0]} refused the new content; what was there is left in place`, {
      ...said,
      hint: `Run ${verify.join(' ')} on it by hand to see why.`,
    })
  }
}

function stagedFor(path: string): string {
  return `${dirname(path)}/.sunup-verify-${basename(path).slice(-40)}`
}

function misfit(path: string, kind: string): Failure {
  return new Failure('file.kind', `${path} should be a file, but is ${kind === 'directory' ? 'a directory' : 'a device, socket or pipe'}`, {
    hint: 'It is not replaced: move it away, or choose another path.',
  })
}
