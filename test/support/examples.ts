import type { Test } from 'tap'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileOf, home, type Block, type Page } from './pages.ts'

/** A page's examples, put into a provisioning repository. */
export interface Examples {
  readonly directory: string
  /** Runs a shell script there. */
  shell(script: string): { readonly status: number | null; readonly output: string }
  /** Writes what a block is a file of; undefined: it is none. */
  write(block: Block): string | undefined
}

/** Nothing of the user's own cloud or git may be found by accident. */
const UNREACHABLE = { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9', AWS_ENDPOINT_URL: 'http://127.0.0.1:9', AWS_REGION: 'eu-west-1' }
const SOMEBODY = { GIT_AUTHOR_NAME: 'me', GIT_AUTHOR_EMAIL: 'me@example.invalid', GIT_COMMITTER_NAME: 'me', GIT_COMMITTER_EMAIL: 'me@example.invalid', GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }

/** What a page need not say again. */
const USUAL = { 'sunup.yaml': 'cloud: local\n', 'instance.yaml': 'id: i-0example\nsecurityGroups: [web]\n' }

export function examples(t: Test, page: Page): Examples {
  const base = t.testdir({ programs: {}, infra: USUAL })
  const directory = join(base, 'infra')
  const program = join(base, 'programs/sunup')
  // What an example does to a machine it does to a staging root: the one that runs the tests is somebody's.
  writeFileSync(program, `#!/bin/sh
case "$1 $*" in
  boot*--root*|close*--root*) ;;
  boot*|close*) [ "$2" = --help ] || { echo 'an example that changes a machine must name --root' >&2; exit 99; } ;;
esac
exec '${process.execPath}' '${home}/bin/sunup.js' "$@"
`)
  chmodSync(program, 0o755)
  const env = { PATH: `${dirname(program)}:/usr/local/bin:/usr/bin:/bin`, HOME: base, LC_ALL: 'C.UTF-8', NO_COLOR: '1', ...UNREACHABLE, ...SOMEBODY }

  return {
    directory,
    shell(script) {
      const { status, stdout, error } = spawnSync('sh', ['-c', `exec 2>&1\n${script}`], { cwd: directory, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
      if (error) throw error
      return { status, output: stdout }
    },
    write(block) {
      const fragment = block.language === 'ts' && fileOf(block) === undefined ? `example-${block.line}` : undefined
      const path = fragment === undefined ? fileOf(block) : `recipes/${fragment}/recipe.ts`
      if (path === undefined) return undefined
      put(directory, path, fragment === undefined ? block.text : wrapped(block.text, page))
      if (fragment !== undefined) put(directory, `roles/${fragment}.yaml`, `securityGroups: []\nrecipes: [${fragment}]\n`)
      return path
    },
  }
}

/** Resources by themselves, as a recipe. */
export function wrapped(resources: string, { name }: Page): string {
  return `import * as sunup from 'sunup'
const { address, archive, configTree, cron, directory, execute, file, git, group, link, packages, registration, remoteFile, service, systemdUnit, template, user } = sunup
export default sunup.recipe({
  description: 'An example of ${name}.',
  phase: 'activate',
  resources: ({ instance, host, role, cloud, asset, bootId }) => [
${resources}
  ],
})
`
}

function put(directory: string, path: string, text: string): void {
  mkdirSync(dirname(join(directory, path)), { recursive: true })
  writeFileSync(join(directory, path), text)
}

export function isWritten({ directory }: Examples, block: Block): boolean {
  const path = fileOf(block)
  return path !== undefined && !(path in USUAL) && existsSync(join(directory, path))
}

/** What differs from one run to the next. */
export function normalised(text: string, directory: string): string {
  return text
    .replaceAll(directory, '/home/me/infra')
    .replace(/^slow: .*\n/gm, '')
    .replace(/^(sunup (?:boot|plan)) [\d.]+,/gm, '$1 (a version),')
    .replace(/\d{8}T\d{6}\.\d{3}-[0-9a-f]{4}/g, '(a run)')
    .replace(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?: UTC|Z)?/g, '(a time)')
    .replace(/\(\d+ \w+ ago\)/g, '(ago)')
    .replace(/\b\d+(?:\.\d+)? m?s\b/g, '(a while)')
    .replace(/"(durationMs|pid)":[\d.]+/g, '"$1":0')
    .replace(/\b[0-9a-f]{40}\b/g, '(a commit)')
    .replace(/[ \t]+$/gm, '')
    .trimEnd()
}

/** Commands of a console block with what the page says they print; a line `…` stands for any lines. */
export function sessionOf({ text }: Block): readonly { readonly command: string; readonly printed: string }[] {
  return text.split(/^\$ /m).slice(1).map(part => {
    const lines = part.split('\n')
    let end = 1
    while (lines[end - 1]?.endsWith('\\')) end++
    return { command: lines.slice(0, end).join('\n'), printed: lines.slice(end).join('\n') }
  })
}

export function matches(printed: string, expected: string): boolean {
  const pattern = expected.split('\n').map(line => (line === '…' ? '(?:.*\n)*?' : `${line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\n`)).join('')
  return new RegExp(`^${pattern}$`).test(`${printed}\n`)
}
