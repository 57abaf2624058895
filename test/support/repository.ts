import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import type { Row } from '../../src/core/cloud.ts'
import { isRecord } from '../../src/core/plain.ts'
import type { Report } from '../../src/core/report.ts'
import { repository, type Repository } from './git-repository.ts'
import { start, type Ran, type RunOptions, type Started } from './program.ts'

const home = new URL('../../', import.meta.url)

/** A machine's whole surroundings: its provisioning repository, the cloud's files, and a staging root to boot into. */
export interface Premises {
  /** What all of it lies in. */
  readonly dir: string
  readonly infra: string
  readonly root: string
  /** `local.directory`. */
  readonly cloud: string
  /** TMPDIR of the programs. */
  readonly tmp: string
  readonly health: string
  /** `<state>/<instance id>`. */
  readonly state: string
  /** `<run>`, on the host. */
  readonly run: string
  /** Starts `sunup` on it, with --config and, when staged, --root. */
  sunup(verb: string, ...args: string[]): Promise<Ran>
  sunupWith(options: RunOptions, verb: string, ...args: string[]): Promise<Ran>
  started(options: RunOptions, verb: string, ...args: string[]): Started
  /** Writes files of the provisioning repository; null removes. */
  write(files: Readonly<Record<string, string | null>>): void
  /** Replaces a text in one of its files, which must be there. */
  edit(name: string, from: string, to: string): void
  rows(): readonly Row[]
  /** What the group was told. */
  answers(): readonly { readonly answer: string; readonly reason?: string }[]
  /** Of the last run. */
  report(): Report
}

export interface PremisesOptions {
  /** Text of roles/demo.yaml. Default: the demo's. */
  readonly role?: string
  /** More of the provisioning repository, by path. */
  readonly files?: Readonly<Record<string, string>>
  /** Text of sunup.yaml after `cloud: local`. */
  readonly config?: string
  readonly instance?: string
  /** Default true; else state, run and resources are on the host, and roles name paths below `dir` (as {{dir}} in the role's text). */
  readonly staged?: boolean
}

export const INSTANCE = `id: i-0demo
type: t4g.small
region: eu-west-1
zone: eu-west-1a
privateIp: 10.0.0.17
securityGroups: [default, demo]
tags: { allocation-id: eipalloc-demo }
`

/** A role of a file, an address and a row: what is quickest to boot. */
export const SMALL = `securityGroups: [demo]
recipes:
  - files: [{ path: /etc/motd, content: "hello\\n" }]
  - eip
  - registry
`

/** The demo's premises: nothing booted yet. */
export function premises(t: Test, options: PremisesOptions = {}): Premises {
  const dir = t.testdir({ root: {}, tmp: {}, infra: {}, home: {} })
  const made = premisesAt(dir, options.staged)
  const { files = {}, config = '', instance = INSTANCE, staged = true } = options
  const role = (options.role ?? demoRole(t)).replaceAll('{{dir}}', dir)
  const own = (name: string): string => readFileSync(new URL(name, home), 'utf8')
  made.write({
    'sunup.yaml': `cloud: local\n${staged ? '' : `state: ${dir}/root/var/lib/sunup\nrun: ${dir}/root/run/sunup\n`}${config}`,
    'instance.yaml': instance,
    '.sunup/cloud/addresses.yaml': '- { allocationId: eipalloc-demo, publicIp: 203.0.113.10 }\n',
    'roles/demo.yaml': role,
    'templates/app.conf.mustache': own('templates/app.conf.mustache'),
    'templates/motd.mustache': own('templates/motd.mustache'),
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [name, text.replaceAll('{{dir}}', dir)])),
  })
  return made
}

/** Of a directory that `premises` filled, or a copy of one. */
export function premisesAt(dir: string, staged = true): Premises {
  const infra = join(dir, 'infra')
  const root = join(dir, 'root')
  const cloud = join(infra, '.sunup/cloud')
  const tmp = join(dir, 'tmp')
  const state = join(root, 'var/lib/sunup/i-0demo')
  const given = (args: readonly string[]): string[] => [...args, '--config', join(infra, 'sunup.yaml'), ...(staged ? ['--root', root] : [])]
  const started = (options: RunOptions, ...args: string[]): Started => start(given(args), { cwd: dir, ...options, env: { HOME: join(dir, 'home'), TMPDIR: tmp, ...options.env } })
  const filesIn = (path: string): string[] => readdirSync(path, { recursive: true, withFileTypes: true }).filter(one => one.isFile()).map(one => join(one.parentPath, one.name))
  return {
    dir,
    infra,
    root,
    cloud,
    tmp,
    state,
    run: join(root, 'run/sunup'),
    health: join(root, 'run/sunup/health/ping.html'),
    started,
    sunup: (...args) => started({}, ...args).end,
    sunupWith: (options, ...args) => started(options, ...args).end,
    write(files) {
      for (const [name, text] of Object.entries(files)) {
        const path = join(infra, name)
        if (text === null) rmSync(path, { recursive: true })
        else {
          mkdirSync(dirname(path), { recursive: true })
          writeFileSync(path, text)
        }
      }
    },
    edit(name, from, to) {
      const path = join(infra, name)
      const text = readFileSync(path, 'utf8')
      if (!text.includes(from)) throw new Error(`${name} has no ${JSON.stringify(from)}`)
      writeFileSync(path, text.replace(from, () => to))
    },
    rows() {
      try {
        return filesIn(join(cloud, 'registry')).map(file => JSON.parse(readFileSync(file, 'utf8')) as Row)
      } catch {
        return []
      }
    },
    answers() {
      try {
        const told: unknown = JSON.parse(readFileSync(join(cloud, 'lifecycle.json'), 'utf8'))
        return isRecord(told) && Array.isArray(told.answered) ? (told.answered as { answer: string }[]) : []
      } catch {
        return []
      }
    },
    report() {
      const runs = join(state, 'runs')
      const last = readdirSync(runs).sort().at(-1) as string
      return JSON.parse(readFileSync(join(runs, last, 'report.json'), 'utf8')) as Report
    },
  }
}

function demoRole(t: Test): string {
  return readFileSync(new URL('roles/demo.yaml', home), 'utf8').replace('https://git.example.com/app.git', application(t).url)
}

/** The application that the demo role checks out. */
export function application(t: Test): Repository {
  return repository(t, { 'public/index.html': '<h1>1</h1>\n', README: 'The application.\n' })
}

/** The text of recipes/<name>/recipe.ts. @param resources an expression; @param params e.g. 'z.object({ … })' */
export function recipeText(resources: string, params?: string): string {
  return `import { recipe, z, file, template, execute, directory, git, link, secret } from 'sunup'
export default recipe({
  description: 'A recipe for tests.',
  ${params === undefined ? '' : `params: ${params},`}
  resources({ params, instance, asset }) {
    return ${resources}
  },
})
`
}
