import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { commandLine } from '../../src/cli/command-line.ts'
import { plainLine } from '../../src/cli/plain-line.ts'
import { EVERYWHERE, VERBS } from '../../src/cli/verbs.ts'

const lines = { version: '1.2.3', write: () => {}, writeError: () => {}, columns: () => 80 }
const FLAGS = [...EVERYWHERE, ...VERBS.flatMap(verb => verb.options ?? [])].map(({ flags }) => flags.split(' ')[0] as string)

t.test('a command with its options is read at once', async t => {
  const called = plainLine(['--root', '/tmp/x', 'boot', '--format', 'json', '--verbose'], VERBS)
  t.equal(called?.verb.name, 'boot')
  t.strictSame(called?.asked, { root: '/tmp/x', format: 'json', verbose: true, arguments: [] })
})

t.test('what may be wrong, or means more, is left to the library', async t => {
  for (const line of ['', 'bot', 'boot --help', '--version', 'boot --formt json', 'boot --format xml', 'boot --root', 'boot --root --verbose', 'boot boot', 'boot --', 'boot -v', 'report', 'boot --root=/x', '--of role schema', 'constructor']) {
    t.equal(plainLine(line.split(' '), VERBS), undefined, line)
  }
})

t.test('a line that is read at once is read so by the library, too', async t => {
  const word = fc.oneof(
    fc.constantFrom(...VERBS.map(verb => verb.name), ...VERBS.map(verb => verb.name)),
    fc.constantFrom(...FLAGS),
    fc.constantFrom('json', 'text', 'local', 'aws', 'role', 'sunup.yaml', '/x', '-', '--', '', 'boot', '--help', '--role=web', '-x', '__proto__'),
  )
  let plain = 0
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 7 }), async argv => {
      const called = plainLine(argv, VERBS)
      if (called === undefined) return
      plain++
      const read = await commandLine({ ...lines, argv }, VERBS)
      assert.deepEqual(read, called)
    }),
    { numRuns: 6_000 },
  )
  t.ok(plain > 100, `${plain} of them were`)
})

t.test('a command’s own values of an option are taken before and after its name, and not with another command', async t => {
  const read = async (line: string): Promise<unknown> => await commandLine({ ...lines, argv: line.split(' ') }, VERBS)
  t.match(await read('registry list --format table'), { asked: { format: 'table', arguments: ['list'] } })
  t.match(await read('--format table registry list'), { asked: { format: 'table', arguments: ['list'] } })
  t.match(await read('registry remove i-1 i-2 --format json'), { asked: { format: 'json', arguments: ['remove', 'i-1', 'i-2'] } })
  for (const line of ['boot --format table', '--format table boot', 'registry list --format xml', 'registry lsit']) t.equal(await read(line), 64, line)
})
