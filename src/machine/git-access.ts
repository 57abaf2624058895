import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { GitRemote } from '../core/git.ts'
import { reveal } from '../core/secret.ts'

/** What one git process needs to reach a remote. No secret stands in its argv nor in its environment, which libraries log: both name private files. */
export interface Access {
  readonly config: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Lets go of the private files. */
  end(): void
}

const SSH = ['ssh', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=15', '-o', 'ServerAliveInterval=15', '-o', 'ServerAliveCountMax=3']

/** Given to git instead of the token, which the shell that git starts reads from a private file. */
const HELPER = (user: string): string => `!f() { test "$1" = get || return 0; ${user}printf 'password=%s\\n' "$(cat "$SUNUP_GIT_TOKEN")"; }; f`

/** Prepares the way to a remote. A host that is not known is refused, never learnt.
 *  @param hostPath the host's path for one that a resource names */
export function accessTo(remote: GitRemote, hostPath: (path: string) => string): Access {
  const files: PrivateFile[] = []
  const ssh = [...SSH]
  if (remote.key !== undefined) {
    const key = typeof remote.key === 'string' ? hostPath(remote.key) : keep(privateFile(reveal(remote.key).trimEnd() + '\n'))
    ssh.push('-i', key, '-o', 'IdentitiesOnly=yes')
  }
  if (remote.knownHosts !== undefined) {
    const hosts = keep(privateFile(`${remote.knownHosts}\n`))
    ssh.push('-o', `UserKnownHostsFile=${hosts}`, '-o', 'GlobalKnownHostsFile=/dev/null', '-o', 'StrictHostKeyChecking=yes', '-o', 'UpdateHostKeys=no')
  }
  const login = remote.token && loginWithToken(remote.url, keep(privateFile(reveal(remote.token))))
  return {
    config: login?.config ?? [],
    env: { GIT_SSH_COMMAND: ssh.map(quoted).join(' '), GIT_SSH_VARIANT: 'ssh', ...login?.env, ...ownerOf(remote.url) },
    end: () => files.forEach(file => file.close()),
  }

  function keep(file: PrivateFile): string {
    files.push(file)
    return file.path
  }
}

/** Scoped to the URL's own host, so that a redirect does not carry it away; other helpers are left out, for they would store it. */
function loginWithToken(url: string, file: string): Pick<Access, 'config' | 'env'> {
  const { origin, username } = new URL(url)
  const user = username === '' ? "printf 'username=%s\\n' x-access-token; " : ''
  return { config: ['credential.helper=', `credential.${origin}.helper=${HELPER(user)}`], env: { SUNUP_GIT_TOKEN: file } }
}

/** git refuses to read a repository on this machine that belongs to somebody else. To name it in a role is to trust it, and root is
 *  let in as if it had come by sudo from the owner: the one way that reaches the upload-pack which git starts. Source: git-config(1), safe.directory. */
function ownerOf(url: string): Readonly<Record<string, string>> {
  if (process.geteuid?.() !== 0 || !(url.startsWith('/') || url.startsWith('file:///'))) return {}
  const uid = statSync(url.startsWith('/') ? url : fileURLToPath(url), { throwIfNoEntry: false })?.uid ?? 0
  return uid === 0 ? {} : { SUDO_UID: String(uid) }
}

interface PrivateFile {
  readonly path: string
  close(): void
}

/** A file without a name: written after it was unlinked, reached through this process, gone with it, however that ends. */
function privateFile(text: string): PrivateFile {
  const directory = mkdtempSync(join(tmpdir(), 'sunup-'))
  let descriptor: number
  try {
    descriptor = openSync(join(directory, 'private'), 'wx+', 0o600)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  writeSync(descriptor, text)
  return { path: `/proc/${process.pid}/fd/${descriptor}`, close: () => closeSync(descriptor) }
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
