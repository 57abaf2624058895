import t, { type Test } from 'tap'
import { isSecret, makeSecret, reveal } from '../../src/core/secret.ts'
import { render, type Source } from '../../src/resources/mustache.ts'

function source(text: string, name = 'a.conf'): Source {
  return { name, text: () => text }
}

function rendered(text: string, vars: Record<string, unknown> = {}, partials: Record<string, Source> = {}): string {
  return reveal(render(source(text), vars, partials))
}

function refuses(t: Test, text: string, vars: Record<string, unknown>, expected: Partial<Record<'code' | 'message' | 'hint', string | RegExp>>, partials: Record<string, Source> = {}): void {
  t.throws(() => render(source(text), vars, partials), expected as Error)
}

t.test('nothing is escaped', async t => {
  t.equal(rendered('{{x}}{{{x}}}{{&x}}', { x: '<&"\'/`=>' }), '<&"\'/`=>'.repeat(3))
})

t.test('texts, numbers and booleans have a text', async t => {
  t.equal(rendered('{{s}} {{n}} {{zero}} {{b}}', { s: '', n: 1.5, zero: 0, b: false }), ' 1.5 0 false')
})

t.test('sections repeat lists, descend into objects, and show or hide', async t => {
  t.equal(rendered('{{#l}}<{{n}}{{x}}>{{/l}}', { x: 'o', l: [{ n: 1 }, { n: 2 }] }), '<1o><2o>')
  t.equal(rendered('{{#l}}{{.}},{{/l}}', { l: ['a', 'b'] }), 'a,b,')
  t.equal(rendered('{{#o}}{{p}}{{/o}}', { o: { p: 1 } }), '1')
  t.equal(rendered('{{#b}}yes{{/b}}{{^b}}no{{/b}}', { b: true }), 'yes')
  t.equal(rendered('{{#l}}yes{{/l}}{{^l}}no{{/l}}', { l: [] }), 'no')
})

t.test('a section on a line of its own leaves no line', async t => {
  t.equal(rendered('a\n{{#b}}\nb\n{{/b}}\nc\n', { b: true }), 'a\nb\nc\n')
})

t.test('a partial on a line of its own is indented as it stands', async t => {
  t.equal(rendered('a\n  {{> p}}\nb\n', { x: 1 }, { p: source('one {{x}}\ntwo\n') }), 'a\n  one 1\n  two\nb\n')
})

t.test('a partial may take in itself, as trees do', async t => {
  const tree = { n: 1, inner: [{ n: 2, inner: [] }] }
  t.equal(rendered('{{#tree}}{{> node}}{{/tree}}', { tree }, { node: source('{{n}}({{#inner}}{{> node}}{{/inner}})') }), '1(2())')
})

t.test('a name that is missing is refused wherever it stands, with its line and the nearest', async t => {
  for (const tag of ['{{port}}', '{{{port}}}', '{{&port}}', '{{#port}}{{/port}}', '{{^port}}{{/port}}']) {
    refuses(t, `one\n\n${tag}`, { ports: 1 }, { code: 'template.name', message: 'a.conf:3: there is no "port"', hint: 'Did you mean ports?' })
  }
  refuses(t, '{{#on}}\n{{x}}{{/on}}', { on: true }, { message: /^a\.conf:2: there is no "x"/ })
})

t.test('a dotted name is refused where a part of it is missing', async t => {
  refuses(t, '{{a.b.c}}', { a: { b: { d: 1 } } }, { code: 'template.name', message: /no "a\.b\.c", "a\.b" has no "c"/, hint: 'Did you mean a.b.d?' })
  refuses(t, '{{x.b}}', { a: 1 }, { code: 'template.name', message: /nothing is called "x"/ })
  refuses(t, '{{#a.b}}{{/a.b}}', { a: null }, { code: 'template.name', message: /"a" is null/ })
  refuses(t, '{{#i}}{{a.c}}{{/i}}', { a: { c: 'outer' }, i: { a: { b: 1 } } }, { code: 'template.name' })
})

t.test('a name that is missing in a partial is refused with the partial and its line', async t => {
  refuses(t, 'one\n\n  {{> p}}\n', {}, { code: 'template.name', message: 'tls.conf:2: there is no "cert"' }, { p: source('x\n{{cert}}\n', 'tls.conf') })
})

t.test('what every object has by birth is no name', async t => {
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) refuses(t, `{{${name}}}`, {}, { code: 'template.name', message: /there is no/ })
})

t.test('undefined is missing', async t => {
  refuses(t, '{{#x}}{{/x}}', { x: undefined }, { code: 'template.name' })
})

t.test('null has no text, and is false in sections', async t => {
  refuses(t, '\n{{x}}', { x: null }, { code: 'template.name', message: /^a\.conf:2: "x" is null/, hint: /\{\{#x\}\}/ })
  refuses(t, '{{#l}}{{.}}{{/l}}', { l: [null] }, { code: 'template.name' })
  t.equal(rendered('{{#x}}yes{{/x}}{{^x}}no{{/x}}', { x: null }), 'no')
  t.equal(rendered('{{#i.ip}}yes{{/i.ip}}{{^i.ip}}no{{/i.ip}}', { i: { ip: null } }), 'no')
})

t.test('objects and lists have no text', async t => {
  refuses(t, '{{x}}', { x: { a: 1 } }, { code: 'template.name', message: /an object/ })
  refuses(t, '{{x}}', { x: [1] }, { code: 'template.name', message: /a list/ })
})

t.test('functions are refused, and not called', async t => {
  for (const tag of ['{{f}}', '{{#f}}x{{/f}}', '{{^f}}x{{/f}}']) refuses(t, tag, { f: () => t.fail('it was called') }, { code: 'template.name', message: /function/ })
})

t.test('a partial that is missing is refused even where it would not be rendered', async t => {
  refuses(t, 'a\n{{#off}}\n{{^on}}{{> tsl}}{{/on}}\n{{/off}}', { off: false }, { code: 'template.missing', message: 'a.conf:3: there is no partial "tsl"', hint: 'Did you mean tls?' }, { tls: source('') })
  refuses(t, '{{> constructor}}', {}, { code: 'template.missing' })
})

t.test('a partial without end is refused', async t => {
  refuses(t, '{{> p}}', {}, { code: 'template.invalid', message: /"p" takes itself in without end/ }, { p: source('{{> p}}') })
})

t.test('what mustache can not parse is refused with its line', async t => {
  refuses(t, 'a\n{{#x}}\n\nb\n', { x: 1 }, { code: 'template.invalid', message: 'a.conf:2: unclosed section "x"' })
  refuses(t, 'a\n\n{{/x}}\n', {}, { code: 'template.invalid', message: 'a.conf:3: unopened section "x"' })
  refuses(t, 'a\n{{x\n\n', {}, { code: 'template.invalid', message: 'a.conf:2: unclosed tag' })
  refuses(t, '{{#a}}\n{{#b}}{{/a}}{{/b}}', {}, { code: 'template.invalid', message: 'a.conf:2: unclosed section "b"' })
})

t.test('text made with a secret is secret whole', async t => {
  const text = render(source('a {{#db}}{{password}}{{/db}}'), { db: { password: makeSecret('swordfish') } })
  t.ok(isSecret(text))
  t.equal(reveal(text), 'a swordfish')
  t.notMatch(`${text}`, /swordfish/)
})

t.test('a secret has no parts, and none are named', async t => {
  const vars = { a: makeSecret('hunter2') }
  t.throws(() => render(source('{{a.b}}'), vars), { code: 'template.name', message: 'a.conf:1: there is no "a.b", "a" has no "b"', hint: undefined })
  t.throws(() => render(source('{{a.toString}}'), vars), { code: 'template.name', message: 'a.conf:1: there is no "a.toString", "a" has no "toString"', hint: undefined })
})

t.test('a secret that is only asked whether it is there makes the text secret, too', async t => {
  t.ok(isSecret(render(source('{{#key}}x{{/key}}'), { key: makeSecret('') })))
  t.notOk(isSecret(render(source('{{x}}'), { x: 1, key: makeSecret('') })))
})

t.test('only names that the template uses are read', async t => {
  const read: PropertyKey[] = []
  const instance = new Proxy({ id: 'i-1', publicIp: null }, { get: (target, key) => (read.push(key), target[key as 'id']) })
  t.equal(rendered('{{instance.id}}', { instance }), 'i-1')
  t.strictSame(read, ['id'])
})

t.test('sections that lie too deep are the template’s fault', async t => {
  const text = `${'{{#a}}'.repeat(20_000)}x${'{{/a}}'.repeat(20_000)}`
  t.throws(() => render(source(text), { a: true }), { code: 'template.invalid', message: /nested too deeply/ } as object as Error)
})

t.test('lists that multiply are stopped, at their line', async t => {
  const l = Array.from({ length: 40 }, (_, index) => index)
  for (const inside of ['.', '']) {
    const text = `one\n${'{{#l}}'.repeat(9)}${inside}${'{{/l}}'.repeat(9)}`
    t.throws(() => render(source(text), { l }), { code: 'template.invalid', message: /:2: more than 16 MB/ } as object as Error)
  }
})

t.test('tags that are no two tags are told with their line', async t => {
  refuses(t, 'one\n{{=<% %>=}}<%={{ }}=%>\n{{= =}}\n', {}, { code: 'template.invalid', message: /^a\.conf:3: two tags/ })
})
