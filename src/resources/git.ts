import type { Change } from '../core/change.ts'
import { Failure } from '../core/failure.ts'
import { isFullSha, type GitRemote } from '../core/git.ts'
import type { Observer } from '../core/machine.ts'
import { checkProps, oneOf } from '../core/props.ts'
import { COMMON_PROPS, resourceBase, type ApplyContext, type CheckContext, type CommonProps, type Resource } from '../core/resource.ts'
import { isSecret, withoutPasswords, type Secret } from '../core/secret.ts'
import { inPlace } from './git-in-place.ts'
import { releases } from './git-releases.ts'

export interface GitProps extends CommonProps {
  /** A URL (https, ssh, file), ssh's short form `user@host:path`, or an absolute path on the host. Holds no password, and over https
   *  a user only beside a `token`. */
  readonly repository: string
  /** A tag, a branch or a full SHA (40 or 64 digits). A tag wins over a branch of its name, as in git; `refs/heads/<name>` means the branch.
   *  A full SHA that is checked out asks no remote. Default: HEAD, the remote's default branch. */
  readonly ref?: string | undefined
  /** Absolute. */
  readonly path: string
  /** releases (default): `<path>/releases/<sha>` holds exactly the commit's files and no .git, `<path>/current` is a link to it that is swung in
   *  one rename, `<path>/repository.git` is the cache. inPlace: `<path>` is a work tree with its .git, HEAD detached at the commit. */
  readonly layout?: 'releases' | 'inPlace' | undefined
  /** How many releases are kept; the current one and the one before it always are. Default 5. Nothing to inPlace. */
  readonly keep?: number | undefined
  /** For ssh: a private key's absolute path, or its text as a secret. Default: the ones ssh finds. */
  readonly key?: string | Secret | undefined
  /** For https: sent as the password, with the URL's user or else `x-access-token`, to the URL's own host alone. */
  readonly token?: Secret | undefined
  /** For ssh: lines as in a known_hosts file; any other host is refused. Default: the machine's known hosts; unknown ones are refused too. */
  readonly knownHosts?: string | undefined
  /** Puts tracked files back that were changed or removed on the machine. Default: they are refused (git.changed). Untracked files are
   *  never touched, nor a change. */
  readonly discard?: boolean | undefined
}

export interface GitResource extends Resource {
  /** The commit that is checked out, read without a process; undefined: none yet. */
  revision(observer: Observer): string | undefined
}

/** What the two layouts differ in. */
export interface Layout {
  revision(observer: Observer): string | undefined
  /** @param asked the commit that the ref stands for: being asked while the machine is looked at */
  check(asked: Promise<string>, context: CheckContext): Promise<readonly Change[]>
  apply(changes: readonly Change[], commit: string, context: ApplyContext): Promise<void>
}

/** The commit of a git repository, checked out. Neither submodules nor LFS objects are fetched: their place stays empty, or holds the pointer.
 *  Owners and modes are those of whoever runs sunup, under its umask.
 *  @throws Failure `resource.invalid`, `secret.misplaced`; its check `git.missing`, `git.denied`, `git.changed`, `network.failed`, `file.kind`,
 *  `absent.command`; its apply `git.locked`, `git.broken`, `file.denied`, `disk.full`, too */
export function git(props: GitProps): GitResource {
  const { repository, ref = 'HEAD', path, layout = 'releases', keep = 5, key, token, knownHosts, discard = false } = props
  const label = `git[${path}]`
  checkProps(label, props, {
    ...COMMON_PROPS,
    repository: 'string',
    ref: 'string?',
    path: 'plainPath',
    layout: 'any?',
    keep: 'count?',
    key: 'text?',
    token: 'text?',
    knownHosts: 'string?',
    discard: 'boolean?',
  })
  oneOf(label, 'layout', layout, ['releases', 'inPlace'])
  checkRef(label, ref)
  checkAccess(label, props)
  const remote: GitRemote = { url: repository, key, token, knownHosts }
  const chosen = (layout === 'releases' ? releases : inPlace)({ label, path: path.replace(/(?<=.)\/+$/, ''), remote, ref, keep, discard })

  function ask({ observer, pinned, signal }: CheckContext): Promise<string> {
    return pinned(`git ${repository} ${ref}`, async () => {
      const commit = await observer.git.resolve(remote, ref, signal)
      if (commit !== undefined) return commit
      throw new Failure('git.missing', `${label}: there is no branch or tag ${ref} in ${repository}`, {
        hint: /^[0-9a-f]{7,}$/.test(ref) ? 'A commit must be given by its full SHA.' : 'Check the ref; the repository itself answered.',
      })
    })
  }

  return {
    ...resourceBase({ kind: 'git', key: path, props }),
    revision: chosen.revision,
    ahead: context => void (isFullSha(ref) || ask(context)),
    check: context => chosen.check(ask(context), context),
    apply: async (changes, context) => chosen.apply(changes, await ask(context), context),
  }
}

function checkRef(label: string, ref: string): void {
  // Source: git-check-ref-format(1).
  if (isFullSha(ref) || /^(?![-/.])(?!.*(?:\.\.|@\{|\/\/|\/\.|[/.]$|\.lock$))[^\s~^:?*[\\\p{Cc}]+$/u.test(ref)) return
  throw new Failure('resource.invalid', `${label}: "ref" must be a tag, a branch or a full SHA, found ${JSON.stringify(ref)}`)
}

function checkAccess(label: string, { repository, key, token }: GitProps): void {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(repository) ? parsed(repository) : undefined
  const isShort = /^(?:[\w.-]+@)?[\w.-]+:(?!\/\/)[^:]/.test(repository)
  if ((url === undefined && !isShort && !repository.startsWith('/') && !/^[a-z0-9-]+::/.test(repository)) || repository.startsWith('-')) {
    throw new Failure('resource.invalid', `${label}: "repository" must be a URL, user@host:path or an absolute path, found ${JSON.stringify(withoutPasswords(repository))}`)
  }
  if (url && url.password !== '') {
    throw new Failure('secret.misplaced', `${label}: "repository" holds a password`, { hint: 'Leave it out of the URL and give it as `token: { secret: "file:/path" }`.' })
  }
  // Beside a token it is the name that the server knows its owner by.
  if (url && /^https?:$/.test(url.protocol) && url.username !== '' && token === undefined) {
    throw new Failure('secret.misplaced', `${label}: "repository" holds a user, which may be a token`, { hint: 'Leave it out of the URL and give the token as `token: { secret: "file:/path" }`; with one, the URL may hold a user.' })
  }
  if (typeof key === 'string' && !key.startsWith('/')) {
    throw new Failure(key.includes('PRIVATE KEY') ? 'secret.misplaced' : 'resource.invalid', `${label}: "key" must be the absolute path of a private key, or a secret`, {
      hint: 'Give the key’s text as { secret: "file:/path" } or { secret: "ssm:/path" }.',
    })
  }
  if (token === undefined) return
  if (!isSecret(token)) throw new Failure('secret.misplaced', `${label}: "token" must be a secret`, { hint: 'Write it as { secret: "file:/path" }.' })
  const isLoopback = url !== undefined && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && isLoopback)) {
    throw new Failure('resource.invalid', `${label}: a "token" is sent over https alone`, { hint: 'Use the repository’s https URL; for ssh give a `key`.' })
  }
}

function parsed(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined
}
