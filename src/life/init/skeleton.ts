import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { holdsLogin, withoutPasswords } from '../../core/secret.ts'

/** What a new repository says of the outside. Where it is not given, what stands for it is to be replaced by hand. */
export interface Outside {
  /** Where the repository will be: a git URL. */
  readonly repository: string | undefined
  /** Where the archive of sunup is fetched from: a URL that ends with its name. */
  readonly archive: string | undefined
  /** Its checksum. */
  readonly sha256: string | undefined
}

/** A text that stands for what was not said. */
export interface Placeholder {
  readonly text: string
  readonly option: `--${string}`
  readonly meaning: string
  /** Where it stands. */
  readonly files: readonly string[]
}

export interface Skeleton {
  /** By path. */
  readonly files: ReadonlyMap<string, Buffer>
  readonly placeholders: readonly Placeholder[]
}

const REPOSITORY = 'https://git.example.com/acme/infra.git'
const ARCHIVE = /https:\/\/downloads\.example\.com\/sunup-[\d.]+-linux-x64\.tar\.gz/g
const SHA256 = '0'.repeat(64)
/** In the skeleton, whichever it was written with. */
const NAME = /\bsunup-\d+\.\d+\.\d+\b/g

/** npm leaves files of that name out of packages. */
const RENAMED: Readonly<Record<string, string>> = { gitignore: '.gitignore' }
/** For programs, not for people: nothing in them is replaced. */
const TYPES = 'types/sunup'

/** What `sunup init` writes, with what is known of the outside said everywhere.
 *  @param home what the program came as
 *  @throws Failure `usage` (something is no URL, or no checksum), `file.kind` (a checkout that was not built) */
export function skeleton(home: string, version: string, outside: Outside): Skeleton {
  const replacements = replacementsFor(version, outside)
  const files = new Map<string, Buffer>()
  const take = (from: string, into: string, isMeant: (path: string) => boolean = () => true): void => {
    for (const path of below(join(home, from)).filter(isMeant)) files.set(join(into, RENAMED[path] ?? path), readFileSync(join(home, from, path)))
  }
  take('skeleton', '')
  take('cloud-init', 'cloud-init', path => path.endsWith('.yaml'))
  if (statSync(join(home, 'dist/types/index.d.ts'), { throwIfNoEntry: false }) === undefined) {
    throw new Failure('file.kind', `the types that an editor needs are not in ${join(home, 'dist/types')}`, { hint: 'In a checkout `npm run build` makes them.' })
  }
  take('dist/types', TYPES)
  for (const [path, bytes] of files) {
    if (path.startsWith(TYPES)) continue
    files.set(path, Buffer.from(replacements.reduce((text, { from, to }) => text.replaceAll(from, to), bytes.toString('utf8'))))
  }
  return { files: new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))), placeholders: placeholdersIn(files, outside, version) }
}

function replacementsFor(version: string, { repository, archive, sha256 }: Outside): readonly { readonly from: string | RegExp; readonly to: string }[] {
  if (repository !== undefined) mustBePlain('--repository', repository)
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) throw new Failure('usage', `--sha256 is to be 64 hexadecimal digits, found ${JSON.stringify(sha256)}`, { hint: 'Copy them from SHA256SUMS.' })
  const [, name = `sunup-${version}`, architecture = 'x64'] = archive === undefined ? [] : archiveOf(archive)
  return [
    { from: REPOSITORY, to: repository ?? REPOSITORY },
    { from: ARCHIVE, to: archive ?? `https://downloads.example.com/sunup-${version}-linux-x64.tar.gz` },
    { from: SHA256, to: sha256 ?? SHA256 },
    { from: NAME, to: name },
    ...(architecture === 'arm64'
      ? [{ from: 'architecture  = "x86_64"', to: 'architecture  = "arm64"' }, { from: /(packages\/sunup-[\d.]+-linux)-x64/g, to: '$1-arm64' }, { from: 'ubuntu-24.04', to: 'ubuntu-24.04-arm' }]
      : []),
  ]
}

function archiveOf(archive: string): RegExpExecArray {
  mustBePlain('--archive', archive)
  const found = /^https?:\/\/.+\/(sunup-\d+\.\d+\.\d+)-linux-(x64|arm64)\.tar\.gz$/.exec(archive)
  if (found) return found
  throw new Failure('usage', `--archive is to be a URL that ends with sunup-<version>-linux-<arch>.tar.gz, found ${archive}`, { hint: 'By its name whoever fetches it knows what is in it.' })
}

/** It is put into YAML, shell scripts and user data, as it is. */
function mustBePlain(option: string, text: string): void {
  const fault = /^[\w./:@~+%=,-]+$/.test(text) ? undefined : 'holds what no URL holds, or what a shell would take otherwise'
  if (fault) throw new Failure('usage', `${option} ${JSON.stringify(withoutPasswords(text))} ${fault}`, { hint: 'Letters, digits and ./:@~+%=,- it may hold.' })
  if (holdsLogin(text)) throw new Failure('usage', `${option} holds a ${/:\/\/[^/:@]*:/.test(text) ? 'password' : 'user or token'}, which would be in the repository and in every instance's user data`, { hint: 'Leave it out: docs/source.md says how an instance gets in.' })
}

function placeholdersIn(files: ReadonlyMap<string, Buffer>, { repository, archive, sha256 }: Outside, version: string): readonly Placeholder[] {
  const open: readonly Omit<Placeholder, 'files'>[] = [
    ...(repository === undefined ? [{ text: REPOSITORY, option: '--repository', meaning: 'where this repository will be' } as const] : []),
    ...(archive === undefined ? [{ text: `https://downloads.example.com/sunup-${version}-linux-x64.tar.gz`, option: '--archive', meaning: 'where the archive of sunup is fetched from' } as const] : []),
    ...(sha256 === undefined ? [{ text: SHA256, option: '--sha256', meaning: 'its checksum' } as const] : []),
  ]
  return open.map(one => ({ ...one, files: [...files].filter(([path, bytes]) => !path.startsWith(TYPES) && bytes.includes(one.text)).map(([path]) => path).sort() }))
}

/** Paths of all files below a directory, relative to it. */
function below(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap(entry => (entry.isDirectory() ? below(join(directory, entry.name)).map(path => join(entry.name, path)) : [entry.name]))
}
