import type { GitWorker } from '../core/git.ts'
import type { Machine } from '../core/machine.ts'
import { accounts } from './accounts.ts'
import { fileWorker } from './changes.ts'
import { endings } from './endings.ts'
import { fileObserver } from './files.ts'
import { paths } from './paths.ts'

/** The machine sunup runs on, or a staging root on it.
 *  Commands and git are loaded with the first call that needs them: a settled run of files needs neither.
 *  @param options.root the staging root; need not exist. Default '/': the machine itself
 *  @param options.network what the environment says of the way out: proxies, certificates, the ssh agent; for git */
export function hostMachine(options: { readonly root?: string | undefined; readonly network?: Readonly<Record<string, string>> | undefined } = {}): Machine {
  const where = paths(options.root ?? '/')
  const files = fileObserver(where)
  const known = accounts(files, where.staging)
  const commands = once(async () => (await import('./commands.ts')).commands({ root: where.root, hostPath: where.through, account: known.account, endings: ends }))
  const ends = endings()
  const privileged = process.geteuid?.() === 0
  return {
    root: where.root,
    staging: where.staging,
    privileged,
    ...files,
    ...known,
    ...fileWorker(where, { staging: where.staging, privileged, ...known }),
    hostPath: where.through,
    probe: async (argv, how) => (await commands()).probe(argv, how),
    run: async (argv, how) => (await commands()).run(argv, how),
    ended: ends.ended,
    git: lazyGit(once(async () => (await import('./git.ts')).gitWorker({ hostPath: where.through, endings: ends, ...(options.network && { env: options.network }) }))),
  }
}

function lazyGit(git: () => Promise<GitWorker>): GitWorker {
  return {
    resolve: async (...given) => (await git()).resolve(...given),
    has: async (...given) => (await git()).has(...given),
    whyUnsigned: async (...given) => (await git()).whyUnsigned(...given),
    status: async (...given) => (await git()).status(...given),
    init: async (...given) => (await git()).init(...given),
    fetch: async (...given) => (await git()).fetch(...given),
    checkout: async (...given) => (await git()).checkout(...given),
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
