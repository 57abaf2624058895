import { join } from 'node:path'
import t from 'tap'
import { parseYaml } from '../../src/core/yaml.ts'
import { loadYaml } from '../../src/roles/yaml.ts'
import { failureOf } from '../support/provisioning.ts'

const parse = (text: string) => parseYaml(text, 'roles/web.yaml', 'role.invalid')

t.test('a value comes with the places of its parts', async t => {
  const yaml = parse('# first\nhealth:\n  file: a\nrecipes:\n  - one\n  - two:\n      key: 3\n')
  t.strictSame(yaml.value, { health: { file: 'a' }, recipes: ['one', { two: { key: 3 } }] })
  t.strictSame(yaml.placeOf([]), { file: 'roles/web.yaml', line: 2 })
  t.equal(yaml.placeOf(['health', 'file']).line, 3)
  t.equal(yaml.placeOf(['recipes', 1]).line, 6)
  t.equal(yaml.placeOf(['recipes', 1, 'two', 'key']).line, 7)
})

t.test('a path that leads to nothing has the place of what is around it', async t => {
  const yaml = parse('a: 1\nhealth:\n  file: a\n')
  t.equal(yaml.placeOf(['health', 'probe', 'url']).line, 2)
  t.equal(yaml.written(['health', 'probe']), undefined)
})

t.test('a scalar is known as it was written', async t => {
  t.equal(parse('version: 1.10\n').written(['version']), '1.10')
})

t.test('an alias has the value and the places of its anchor', async t => {
  const yaml = parse('one: &it\n  - x\n  - y\ntwo: *it\n')
  t.strictSame(yaml.value, { one: ['x', 'y'], two: ['x', 'y'] })
  t.equal(yaml.placeOf(['two', 1]).line, 3)
})

t.test('an empty file is null', async t => {
  t.equal(parse('').value, null)
  t.equal(parse('# nothing\n').placeOf([]).line, 1)
})

for (const [what, text, line, message] of [
  ['a duplicate key', 'a: 1\nb: 2\na: 3\n', 3, /unique, at `a: 3`/],
  ['a tab as indentation', 'a:\n\t- b\n', 2, /tabs/],
  ['an unclosed list', 'a: [1,\nb: 2\n', 2, /end with a \]/],
  ['a colon within a text', 'recipes:\n  - a: b: c\n', 2, /nested mappings/],
  ['a second document', 'a: 1\n---\nb: 1\n', 2, /a second document begins/],
  ['a tag', 'a: 1\nb: !!js/function x\n', 2, /tag/],
  ['a tag of YAML 1.1', 'a: 1\nb: !!binary aGk=\n', 2, /tag/],
  ['a merge key', 'a: &a { x: 1 }\nb:\n  <<: *a\n', 3, /merge key/],
  ['a key that is a list', '? [a]\n: b\n', 1, /keys must be strings/],
  ['a prototype', 'a: 1\n__proto__: { x: 1 }\n', 2, /__proto__/],
  ['an alias of nothing', 'a: 1\nb: *c\n', 2, /\*c refers to an anchor that does not stand before it/],
  ['an alias of itself', 'a: &a\n  - *a\n', 2, /\*a refers to what it is a part of/],
  ['a mode that would lose its zero', 'a: 1\nmode: 0644\n', 2, /0644 is read as the number 644/],
  ['a number that would lose digits', 'id: 12345678901234567890\n', 1, /no number that can be kept exactly/],
  ['no number', 'id: .nan\n', 1, /no number that can be kept exactly/],
] as const) {
  t.test(`${what} is refused at its line`, async t => {
    const failure = await failureOf(() => parse(text))
    t.equal(failure.code, 'role.invalid')
    t.match(failure.message, message)
    t.ok(failure.message.startsWith(`roles/web.yaml:${line}: `), failure.message)
  })
}

t.test('a trap of YAML 1.1 comes with what to write instead', async t => {
  t.equal((await failureOf(() => parse('mode: 0644\n'))).hint, 'Quote it, if it is a text or a file mode: "0644".')
})

t.test('all traps of a file are told at once', async t => {
  const { faults } = await failureOf(() => parse('mode: 0644\nb: { <<: { x: 1 } }\nid: 12345678901234567890\n'))
  t.strictSame(faults.map(fault => fault.place.line), [1, 2, 3])
})

t.test('aliases that multiply are stopped', async t => {
  const lines = ['a: &a [x, x, x, x, x, x, x, x, x, x]', ...'bcdefghij'.split('').map((name, index) => `${name}: &${name} [${Array(10).fill(`*${'abcdefghij'[index]}`).join(', ')}]`)]
  const failure = await failureOf(() => parse(lines.join('\n')))
  t.match(failure.message, /^roles\/web\.yaml:\d: more than 100000 values/)
})

t.test('nesting without end is no crash', async t => {
  t.match((await failureOf(() => parse(`${'['.repeat(50_000)}`))).message, /^roles\/web\.yaml:1: /)
  t.match((await failureOf(() => parse(`a: ${'- '.repeat(50_000)}`))).message, /^roles\/web\.yaml:1: /)
})

t.test('bytes that are no UTF-8 are refused at their line', async t => {
  const dir = t.testdir({ 'a.yaml': Buffer.from([0x61, 0x3a, 0x20, 0x31, 0x0a, 0x62, 0x3a, 0xff, 0x0a]) })
  t.match((await failureOf(() => loadYaml(join(dir, 'a.yaml'), 'a.yaml', 'role.invalid'))).message, /^a\.yaml:2: bytes that are no UTF-8/)
})

t.test('a file that is not there could not be looked at', async t => {
  t.equal((await failureOf(() => loadYaml(join(t.testdir(), 'a.yaml'), 'a.yaml', 'role.invalid'))).code, 'file.denied')
})
