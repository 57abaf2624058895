import type { Test } from 'tap'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A real repository to be cloned from. */
export interface Repository {
  /** On the host, absolute. */
  readonly dir: string
  /** file:// */
  readonly url: string
  git(...args: string[]): string
  /** Writes the files (null: removes), commits everything. @returns the commit */
  commit(files: Readonly<Record<string, string | null>>): string
}

/** A directory of its own outside the test's, removed after it. */
export function aside(t: Test, name: string): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), `sunup-test-${name}-`)))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** git by itself, as nobody's configuration has it. */
export function plainGit(cwd: string, ...args: string[]): string {
  const who = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.com', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@example.com' }
  const env = { PATH: process.env.PATH, HOME: '/nonexistent', LC_ALL: 'C', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', ...who }
  return execFileSync('git', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

/** @param files of the first commit, on the branch main */
export function repository(t: Test, files: Readonly<Record<string, string>> = { 'index.html': 'one\n' }, ...initArgs: string[]): Repository {
  const dir = aside(t, 'repository')
  const git = (...args: string[]): string => plainGit(dir, ...args)
  git('init', '--quiet', ...initArgs)
  git('symbolic-ref', 'HEAD', 'refs/heads/main')
  const made: Repository = {
    dir,
    url: `file://${dir}`,
    git,
    commit(changes) {
      for (const [name, content] of Object.entries(changes)) {
        mkdirSync(dirname(join(dir, name)), { recursive: true })
        if (content === null) rmSync(join(dir, name))
        else writeFileSync(join(dir, name), content)
      }
      git('add', '--all')
      git('commit', '--quiet', '--allow-empty', '-m', 'a commit')
      return git('rev-parse', 'HEAD')
    },
  }
  made.commit(files)
  return made
}

/** A PATH on which programs tell what they were asked. */
export interface Recorder {
  readonly path: string
  /** Where they write it, for a `script` to do the same. */
  readonly log: string
  /** The argv of each git that was started, in order, as one line. */
  calls(): readonly string[]
  /** Puts a shell script on it. */
  script(name: string, text: string): void
}

/** The real git behind one that writes its argv down. The gits which that one starts itself are not seen. */
export function recorder(t: Test): Recorder {
  const dir = aside(t, 'path')
  const log = join(dir, 'calls.log')
  writeFileSync(log, '')
  const script = (name: string, text: string): void => {
    writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(dir, name), 0o755)
  }
  const real = execFileSync('/bin/sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
  script('git', `printf '%s\\n' "$*" >> '${log}'\nexec '${real}' "$@"`)
  return { path: `${dir}:${process.env.PATH}`, log, calls: () => readFileSync(log, 'utf8').split('\n').filter(line => line !== ''), script }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** @returns its origin, e.g. http://127.0.0.1:40123 */
export async function httpServer(t: Test, handler: Handler): Promise<string> {
  const server: Server = createServer(handler)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Serves the repository as /repo by git's own http-backend. */
export function gitBackend(repository: Repository): Handler {
  return (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const child = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env.PATH,
        HOME: '/nonexistent',
        GIT_PROJECT_ROOT: repository.dir,
        GIT_HTTP_EXPORT_ALL: '1',
        REQUEST_METHOD: request.method,
        PATH_INFO: url.pathname.replace(/^\/repo/, '/.git'),
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    request.pipe(child.stdin)
    child.stdin.on('error', () => {})
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('close', () => {
      const all = Buffer.concat(chunks)
      const end = all.indexOf('\r\n\r\n')
      const headers = all.toString('latin1', 0, end).split('\r\n').map(line => line.split(': ') as [string, string])
      const status = headers.find(([name]) => name === 'Status')?.[1] ?? '200'
      response.writeHead(parseInt(status, 10), Object.fromEntries(headers.filter(([name]) => name !== 'Status')))
      response.end(all.subarray(end + 4))
    })
  }
}
