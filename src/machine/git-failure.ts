import { Failure, type FailureCode } from '../core/failure.ts'

/** How a git process ended. */
export interface GitEnd {
  /** null: killed by a signal. Negative: it could not be started. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Sign {
  readonly code: FailureCode
  readonly text: RegExp
  readonly hint?: string
}

/** git says nearly everything by exit code 128: the text (in the C locale) tells what. The first that matches counts: a denial ends with
 *  the words of a lost connection, and a local "Permission denied" is not the server's. */
const SIGNS: readonly Sign[] = [
  { code: 'disk.full', text: /No space left on device|Disk quota exceeded/ },
  { code: 'file.denied', text: /(?:unable to|could not|cannot|can't|failed to) (?:create|open|unlink|write|mkdir|stat|append)[^\n]*: (?:Permission denied|Read-only file system|Operation not permitted)/i },
  { code: 'git.denied', text: /Host key verification failed|No [A-Z0-9-]+ host key is known|REMOTE HOST IDENTIFICATION HAS CHANGED/, hint: 'Put the host’s key, as `ssh-keyscan` prints it and you have verified it, into `knownHosts`.' },
  { code: 'git.denied', text: /dubious ownership/, hint: 'The repository belongs to another user: give it to the one that runs sunup.' },
  { code: 'git.denied', text: /UNPROTECTED PRIVATE KEY FILE|Load key "[^"]*": /, hint: 'The private key can’t be used: it must be readable by its owner alone (0600), and a whole key without a passphrase.' },
  {
    code: 'git.denied',
    text: /Permission denied \(|Permission denied, please try again|Authentication failed|could not read (?:Username|Password)|terminal prompts disabled|returned error: (?:401|403|407)|HTTP Basic: Access denied|Access denied|access denied or repository not exported|Too many authentication failures/,
    hint: 'Give it a `key` (ssh) or a `token` (https) that may read the repository.',
  },
  { code: 'git.missing', text: /repository '[^\n]*' (?:not found|does not exist)|Repository not found|does not appear to be a git repository|returned error: 4(?:04|10)|Project not found|couldn't find remote ref|not our ref|unadvertised object|no such remote ref/i, hint: 'Check the repository’s URL and the ref; a server may also hide what one may not read.' },
  {
    code: 'network.failed',
    text: /Could not resolve|name resolution|Name or service not known|Connection (?:refused|reset|timed out|closed)|Operation timed out|timed out|Failed to connect|Couldn't connect|unable to connect|early EOF|unexpected disconnect|RPC failed|returned error: (?:5\d\d|429|408)|Empty reply|Network is unreachable|No route to host|kex_exchange_identification|hung up unexpectedly|recv (?:error|failure)|send failure|SSL_ERROR_SYSCALL|unexpected eof|non-properly terminated|Operation too slow|transfer closed|invalid index-pack output|Broken pipe|Could not read from remote repository/i,
  },
]

/** What a repository on disk says when it is not whole. Lines of the remote do not count: they speak of its own. */
const BROKEN =
  /object file [^\n]* is empty|loose object [^\n]* is corrupt|(?:missing|bad|broken) (?:blob|tree|commit|object|sha1|ref|config|HEAD)|unable to (?:read|unpack|parse|find) (?:sha1 file|tree|object|[0-9a-f]{40}|commit)|failed to (?:read object|unpack tree|traverse)|inflate:|corrupt|too short|cannot be accessed|not a git repository|bad signature|bad index|Could not read [0-9a-f]{40}|invalid sha1 pointer|did not send all necessary objects|invalid object|Not a valid object name|bad object|unresolved deltas|unable to read|bad config|invalid gitfile|unable to resolve reference/i

/** The failure that a git which ended so means.
 *  @param deed what it was to do, e.g. 'fetching https://git.example.com/app.git' */
export function gitFailure(deed: string, end: GitEnd): Failure {
  if (end.code !== null && end.code < 0) return new Failure('absent.command', 'there is no command git', { hint: 'Install git.', subject: 'git' })
  const text = end.stderr.trim()
  const output = text.split('\n').slice(-20).join('\n')
  const own = text.split('\n').filter(line => !line.startsWith('remote:')).join('\n')
  const sign = SIGNS.find(one => one.text.test(text))
  const code = sign?.code ?? (BROKEN.test(own) ? 'git.broken' : 'git.failed')
  const said = text.split('\n').find(line => /^(?:fatal|error|ssh|ERROR)\b/.test(line)) ?? text.split('\n')[0] ?? ''
  const why = said === '' ? (end.code === null ? 'git was killed' : `git exited with ${end.code} and said nothing`) : said.replace(/^(?:fatal|error|ERROR): /, '')
  return new Failure(code, `${deed} failed: ${why}`, { hint: sign?.hint, output: output === '' ? undefined : output })
}

/** The lock file that was in the way, if one was. */
export function lockInTheWay(end: GitEnd): string | undefined {
  const config = /could not lock config file (.+): File exists/.exec(end.stderr)
  return /Unable to create '(.+\.lock)': File exists/.exec(end.stderr)?.[1] ?? (config ? `${config[1]}.lock` : undefined)
}
