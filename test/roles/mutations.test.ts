import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { Failure } from '../../src/core/failure.ts'
import { pickRole } from '../../src/roles/match.ts'
import { loadRole } from '../../src/roles/role.ts'
import { inspectRunList } from '../../src/roles/steps.ts'
import { bookOf, recipeText } from '../support/provisioning.ts'

const ROLE = `description: nginx in front of the application
include: [base]
securityGroups: [web, "web-*"]
recipes:
  - packages: { install: [nginx, git] }
  - files:
      - { path: /etc/a, content: "a\\n", mode: "0644" }
      - path: /etc/b
        template: b.conf
        vars: { port: 80, key: { secret: "file:/etc/key" } }
  - agent:
      server: a.example.com
      labels: &labels { a: b }
      more: *labels
  - eip
health:
  file: ping.html
  mode: "0644"
  probe: { url: "http://127.0.0.1/", headers: { Host: app }, status: 200, within: 30s }
deadline: 15m
onFailure: abandon
drain: { settle: 20s, deadline: 5m }
scaling:
  out: { above: 0.75, for: 3m, step: 1, cooldown: 5m }
`

const LINES = ROLE.split('\n')

const value = fc.oneof(
  fc.constantFrom('null', '~', '[]', '{}', '0644', '1e999', '.nan', '-1', 'true', 'yes', '""', '*labels', '&labels x', '<<: *labels', '!!binary x', '{ secret: "file:/x" }', '{ secret: 3 }', '- - -', '? a', '|', '---', '...', '%YAML 1.1', '__proto__: 1', 'constructor: 1', 'toString', '\t', '{', ']', '"'),
  fc.json({ maxDepth: 3 }),
  fc.string({ maxLength: 12 }),
)

/** One edit of the lines, of the kinds that people and editors make. */
const edit = fc.oneof(
  fc.record({ kind: fc.constant('delete' as const), at: fc.nat(LINES.length - 1) }),
  fc.record({ kind: fc.constant('double' as const), at: fc.nat(LINES.length - 1) }),
  fc.record({ kind: fc.constant('indent' as const), at: fc.nat(LINES.length - 1), by: fc.constantFrom('  ', ' ', '\t', '- ') }),
  fc.record({ kind: fc.constant('outdent' as const), at: fc.nat(LINES.length - 1) }),
  fc.record({ kind: fc.constant('replace' as const), at: fc.nat(LINES.length - 1), value }),
  fc.record({ kind: fc.constant('retype' as const), at: fc.nat(LINES.length - 1), value }),
  fc.record({ kind: fc.constant('rename' as const), at: fc.nat(LINES.length - 1), char: fc.string({ minLength: 1, maxLength: 1 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(ROLE.length - 1) }),
)

type Edit = typeof edit extends fc.Arbitrary<infer E> ? E : never

function edited(lines: readonly string[], change: Edit): readonly string[] {
  if (change.kind === 'cut') return lines.join('\n').slice(0, change.at).split('\n')
  const line = lines[change.at]
  if (line === undefined) return lines
  const put = (...now: string[]): readonly string[] => lines.toSpliced(change.at, 1, ...now)
  switch (change.kind) {
    case 'delete': return put()
    case 'double': return put(line, line)
    case 'indent': return put(change.by + line)
    case 'outdent': return put(line.replace(/^ {1,2}/, ''))
    case 'replace': return put(change.value)
    case 'retype': return put(line.replace(/: .*/, () => `: ${change.value}`))
    case 'rename': return put(line.replace(/\w/, () => change.char))
  }
}

/** An answer, or a Failure that says where. Anything else is thrown on. */
async function answered(work: () => unknown): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    if (!/^roles\/(web|base)\.yaml:\d+: ./.test(error.message)) throw new Error(`without file and line: ${error.code} ${error.message}`)
  }
}

function repository(t: Test): { source: string; file: string } {
  const source = t.testdir({
    roles: { 'base.yaml': 'securityGroups: []\nrecipes: []\n', 'web.yaml': ROLE },
    recipes: { agent: { 'recipe.ts': recipeText('[]', 'params: z.object({ server: z.string(), labels: z.record(z.string(), z.string()).optional(), more: vars().optional() }),') } },
  })
  mkdirSync(join(source, 'templates'))
  return { source, file: join(source, 'roles/web.yaml') }
}

t.test('a role file that was not mutated has no fault', async t => {
  const { source } = repository(t)
  t.strictSame((await inspectRunList(loadRole(source, 'web'), bookOf(source))).faults, [])
})

t.test('any mutated role file gives an answer or a failure with file and line', async t => {
  const { source, file } = repository(t)
  const book = bookOf(source)
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async edits => {
      writeFileSync(file, edits.reduce(edited, LINES).join('\n'))
      await answered(() => pickRole(source, ['web']).role).catch((error: unknown) => {
        // Without its groups nobody is asked for: that is an answer about all roles, and has no line.
        if (!/role\.none/.test(String(error))) throw error
      })
      await answered(async () => {
        const { faults } = await inspectRunList(loadRole(source, 'web'), book)
        for (const { place, message } of faults) if (!(place.line >= 1) || !place.file.startsWith('roles/') || message === '') throw new Error(`no place: ${message}`)
      })
    }),
    { numRuns: 1_000 },
  )
})

t.test('any bytes give an answer or a failure with file and line', async t => {
  const { source, file } = repository(t)
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), fc.nat(ROLE.length), async (bytes, at) => {
      writeFileSync(file, Buffer.concat([Buffer.from(ROLE.slice(0, at)), bytes, Buffer.from(ROLE.slice(at))]))
      await answered(() => loadRole(source, 'web'))
    }),
    { numRuns: 500 },
  )
})

t.test('any YAML gives an answer or a failure with file and line', async t => {
  const { source, file } = repository(t)
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.constantFrom('include', 'securityGroups', 'recipes', 'health', 'deadline', 'drain', 'scaling', 'onFailure', 'x'), fc.jsonValue({ maxDepth: 4 })), async role => {
      writeFileSync(file, JSON.stringify(role))
      await answered(() => loadRole(source, 'web'))
    }),
    { numRuns: 1_000 },
  )
})
