import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HERE } from './network.ts'

/** The role of the instances, as a user would write it. The application's git repository, and the role's own, lie on a server that the instances reach. */

const ROLE = `description: nginx in front of the application
securityGroups: [web]
recipes:
  - packages: { install: [nginx-light, git] }
  - git-sync: { repository: "git://${HERE}/app", ref: main, path: /srv/app }
  - nginx:
      sites:
        - { name: app, template: app.conf, vars: { root: /srv/app/current/public } }
  - eip: { pool: { pool: web } }
  - registry: { meta: { port: 80 } }
health:
  probe: { url: "http://127.0.0.1/", headers: { Host: app }, contains: hello, within: 20s }
  url: http://127.0.0.1/ping.html
deadline: 3m
`

const SITE = 'server {\n  listen 80;\n  server_name app;\n  root {{root}};\n}\n'

export const FILES: Readonly<Record<string, string>> = { 'roles/web.yaml': ROLE, 'templates/app.conf': SITE }

export function write(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
}

/** What the image is baked with: the same role, from the files of /etc/sunup. The user data replaces its sunup.yaml. An image is built without the
 *  application, whose server it may not reach: git-sync is left to the boot.
 *  @returns the directory */
export function imageConfiguration(work: string): string {
  const directory = join(work, 'configuration')
  write(directory, { ...FILES, 'roles/web.yaml': ROLE.replace(/^ {2}- git-sync.*\n/m, ''), 'sunup.yaml': 'cloud: aws\n' })
  return directory
}

export interface GitServer {
  /** Commits files of a repository, which is made when there is none. */
  commit(name: string, files: Readonly<Record<string, string>>): string
  stop(): void
}

const PORT = 9418

/** A git server for the machines: git://10.213.0.1/<name>.
 *  @param directory a new one */
export async function gitServer(directory: string): Promise<GitServer> {
  mkdirSync(directory, { recursive: true })
  // `git daemon` would leave it behind when that is ended.
  const program = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-daemon')
  const daemon = spawn('setpriv', ['--pdeathsig', 'KILL', program, `--listen=${HERE}`, `--port=${PORT}`, '--export-all', '--reuseaddr', `--base-path=${directory}`, directory], { stdio: 'ignore' })
  for (;;) {
    const isUp = await new Promise<boolean>(resolve => {
      const socket = connect(PORT, HERE)
      socket.once('connect', () => (socket.destroy(), resolve(true))).once('error', () => resolve(false))
    })
    if (isUp) break
    if (daemon.exitCode !== null) throw new Error(`git daemon ended with ${daemon.exitCode}`)
    await sleep(20)
  }
  return {
    commit(name, files) {
      const repository = join(directory, name)
      mkdirSync(repository, { recursive: true })
      const git = (...args: string[]): string =>
        execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.invalid', '-c', 'init.defaultBranch=main', ...args], { cwd: repository, encoding: 'utf8' }).trim()
      git('init', '--quiet')
      write(repository, files)
      git('add', '--all')
      git('commit', '--quiet', '--message', 'change')
      return git('rev-parse', 'HEAD')
    },
    stop: () => void daemon.kill('SIGKILL'),
  }
}

