// npm run demo: the main job on real input, step by step: a machine's life in a folder, without root and without a network.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const home = dirname(import.meta.dirname)
const work = join(import.meta.dirname, 'work')
const app = join(work, 'app')
const infra = join(work, 'infra')
const root = join(work, 'root')
const health = join(root, 'run/sunup/health/ping.html')
const bold = process.stdout.isTTY ? (text: string): string => `\x1b[1m${text}\x1b[22m` : (text: string): string => text

rmSync(work, { recursive: true, force: true })

step('An application, in a git repository of its own')
write(app, { 'public/index.html': '<h1>Hello from the app, version 1</h1>\n', README: 'The application.\n' })
git('init', '-q', '-b', 'main')
commit('Version 1')

step('A provisioning repository: the role, its templates, and (for this cloud: local) who the instance is')
for (const part of ['templates/app.conf.mustache', 'templates/motd.mustache', 'roles/demo.yaml']) cpSync(join(home, part), join(infra, part))
edit('roles/demo.yaml', 'https://git.example.com/app.git', `file://${app}`)
write(infra, {
  'sunup.yaml': 'cloud: local\n',
  'instance.yaml': 'id: i-0demo\ntype: t4g.small\nregion: eu-west-1\nzone: eu-west-1a\nprivateIp: 10.0.0.17\nsecurityGroups: [default, demo]\ntags: { allocation-id: eipalloc-demo }\n',
  '.sunup/cloud/addresses.yaml': '- { allocationId: eipalloc-demo, publicIp: 203.0.113.10 }\n',
})
console.log(readFileSync(join(infra, 'roles/demo.yaml'), 'utf8'))

step('What would a boot do? A plan writes nothing, and exits with 2 when something would change')
sunup(2, 'plan')

step('The boot: it closes the gate, settles the role, proves it, and opens the gate last')
sunup(0, 'boot')
showGate()

step('Once more: nothing changes')
sunup(0, 'boot')

step('A new commit of the application, and an edited template: exactly these two differences')
write(app, { 'public/index.html': '<h1>Hello from the app, version 2</h1>\n' })
commit('Version 2')
edit('templates/app.conf.mustache', 'try_files $uri $uri/ =404;', 'try_files $uri $uri/ /index.html;')
sunup(2, 'plan')
sunup(0, 'boot')

step('A template that names something nobody gives it: refused before anything is touched, and the gate stays closed')
edit('templates/app.conf.mustache', '{{root}}', '{{rot}}')
sunup(78, 'boot')
showGate()

step('The name put right: healed by the next boot')
edit('templates/app.conf.mustache', '{{rot}}', '{{root}}')
sunup(0, 'boot')
showGate()
sunup(0, 'status')
console.log(`\nAll of it lies in ${relative(process.cwd(), work) || '.'}: look around, change something, and run\n  node ${command('plan').slice(1).join(' ')}`)

function sunup(expected: number, verb: string): void {
  const [node, ...args] = command(verb)
  console.log(bold(`\n$ sunup ${args.slice(1).join(' ')}`))
  const { status } = spawnSync(node as string, args, { stdio: ['ignore', 'inherit', 'inherit'], env: environment() })
  console.log(`(exit code ${status})`)
  if (status !== expected) throw new Error(`sunup ${verb} exited with ${status}, expected was ${expected}`)
}

function command(verb: string): string[] {
  const here = (path: string): string => relative(process.cwd(), path)
  return [process.execPath, here(join(home, 'bin/sunup.js')), verb, '--config', here(join(infra, 'sunup.yaml')), '--root', here(root)]
}

/** Nothing of this user's cloud must be found by accident. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9', AWS_ENDPOINT_URL: 'http://127.0.0.1:9', SUNUP_CONFIG: '' }
}

function step(title: string): void {
  console.log(bold(`\n── ${title}\n`))
}

function showGate(): void {
  const name = relative(process.cwd(), health)
  console.log(existsSync(health) ? `${name} is there: ${readFileSync(health, 'utf8').trim()}` : `${name} is not there: a load balancer sees 404`)
}

function write(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), content)
  }
}

function edit(name: string, from: string, to: string): void {
  const path = join(infra, name)
  writeFileSync(path, readFileSync(path, 'utf8').replace(from, to))
  console.log(`${name}: ${from.trim()} becomes ${to.trim()}`)
}

function git(...args: string[]): void {
  execFileSync('git', ['-c', 'user.name=demo', '-c', 'user.email=demo@example.invalid', '-c', 'init.defaultBranch=main', ...args], { cwd: app })
}

function commit(message: string): void {
  git('add', '.')
  git('commit', '-qm', message)
  console.log(`commit ${execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: app, encoding: 'utf8' }).trim()}: ${message}`)
}
