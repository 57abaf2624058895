import { Failure } from '../core/failure.ts'
import type { WhyUnsigned } from '../core/git.ts'
import { gitFailure, type GitEnd } from './git-failure.ts'

/** SSH signatures alone: a key that happens to lie in root's GnuPG keyring is none of the allowed signers. `gpg.format` decides nothing when
 *  verifying; a git that can't verify such signatures refuses it by name. Source: git-config(1), gpg.format. */
export const SIGNATURES = ['gpg.format=ssh', 'gpg.ssh.program=ssh-keygen', 'gpg.program=/bin/false', 'gpg.openpgp.program=/bin/false', 'gpg.x509.program=/bin/false']

interface Sign {
  readonly text: RegExp
  readonly reason: (found: RegExpExecArray) => string
}

const SIGNS: readonly Sign[] = [
  { text: /signature with \S+ key (\S+)[^]*No principal matched/, reason: ([, key]) => `is signed with the key ${key}, which is none of theirs` },
  { text: /Signature verification failed|incorrect signature|Could not verify signature|invalid format/i, reason: () => 'carries a signature that is not right' },
  { text: /^$/, reason: () => 'carries no SSH signature' },
]

/** What a `git verify-commit` that did not succeed means.
 *  @throws Failure when it could not look */
export function signatureFault(deed: string, end: GitEnd): WhyUnsigned {
  const text = end.stderr.trim()
  if (/cannot run ssh-keygen/.test(text)) {
    throw new Failure('absent.command', 'there is no command ssh-keygen to verify signatures with', { subject: 'ssh-keygen', hint: 'Install openssh-client (Debian) or openssh (Red Hat).' })
  }
  if (/gpg\.format/.test(text)) throw new Failure('git.failed', `${deed} failed: this git is too old for it`, { hint: 'SSH signatures need git 2.34 or newer.', output: text })
  const failure = gitFailure(deed, end)
  // A text without any of git's words for what is broken is a verdict.
  if (end.code !== 1 || failure.code !== 'git.failed') throw failure
  for (const { text: sign, reason } of SIGNS) {
    const found = sign.exec(text)
    if (found) return { reason: reason(found), output: text || undefined }
  }
  return { reason: 'can’t be verified', output: text }
}
