import t from 'tap'
import type { Change } from '../../src/core/change.ts'
import { shown as told } from '../../src/engine/diff.ts'
import { showChanges, showValue, signOf } from '../../src/reporters/changes.ts'
import { painter } from '../../src/reporters/paint.ts'

function shown(id: string, changes: readonly Change[], verbose = false): string[] {
  return showChanges(id, changes, { paint: painter(false), verbose })
}

t.test('what is made or removed as a whole has the sign of that', async t => {
  t.equal(signOf('file[/a]', [{ type: 'update', field: 'mode' }, { type: 'create', field: 'content' }]), '+')
  t.equal(signOf('user[a]', [{ type: 'remove', field: 'user', from: 'a' }]), '-')
  for (const [id, field] of [['git[/a]', 'revision'], ['archive[/a]', 'checksum'], ['address[a]', 'holder'], ['source[/a]', 'revision']] as const) {
    t.equal(signOf(id, [{ type: 'create', field, to: 'x' }]), '+')
    t.equal(signOf(id, [{ type: 'update', field, from: 'y', to: 'x' }]), '~')
  }
  t.strictSame(shown('configTree[/a]', [{ type: 'create' }, { type: 'create', field: 'b', to: 'c' }]), ['+ configTree[/a]', '    b c'])
  t.equal(signOf('registry[web]', [{ type: 'create', to: {} }]), '+')
})

t.test('a directory of which entries go is not shown as if it went itself', async t => {
  t.strictSame(shown('directory[/a]', [{ type: 'remove', field: 'entry', from: 'old' }]), ['~ directory[/a]', '  - entry old'])
})

t.test('what is only acted upon says so, with the reason', async t => {
  t.strictSame(shown('service[nginx]', [{ type: 'act', field: 'restart', reason: 'file[/a] changed' }]), ['> service[nginx]', '    restart: file[/a] changed'])
})

t.test('an act among changes of state keeps its own sign', async t => {
  const changes: Change[] = [{ type: 'update', field: 'enabled', from: false, to: true }, { type: 'act', field: 'reload' }]
  t.strictSame(shown('service[nginx]', changes), ['~ service[nginx]', '    enabled false -> true', '  > reload'])
})

t.test('a secret shows neither before nor after', async t => {
  const changes: Change[] = [{ type: 'update', field: 'content', from: 'old', to: 'new', diff: '-old\n+new\n', secret: true }]
  t.strictSame(shown('file[/a]', changes), ['~ file[/a]', '    content (secret)'])
})

t.test('a name that the id says already is not said again', async t => {
  t.strictSame(shown('group[app]', [{ type: 'create', field: 'group', to: 'app' }, { type: 'create', field: 'gid', to: 990 }]), ['+ group[app]', '    gid 990'])
})

t.test('what replaces something that can’t be shown is shown as new, with the reason', async t => {
  const changes = await told([{ type: 'update', field: 'content', to: 'a\nb\n', reason: 'it replaces 3 bytes that are no text' }])
  t.strictSame(shown('file[/a]', changes), ['~ file[/a]', '    content (it replaces 3 bytes that are no text)', '      +a', '      +b'])
})

t.test('a long diff is cut short unless verbose', async t => {
  const diff = ['@@ -1 +1,200 @@', ...Array.from({ length: 200 }, (_, index) => `+${index}`)].join('\n')
  const lines = shown('file[/a]', [{ type: 'update', field: 'content', diff }])
  t.equal(lines.length, 103)
  t.equal(lines.at(-1), '      ... 101 more lines (--verbose shows them)')
  t.equal(shown('file[/a]', [{ type: 'update', field: 'content', diff }], true).length, 203)
})

t.test('a diff keeps lines that look like its heading', async t => {
  const diff = '--- content\tis\n+++ content\tshould be\n@@ -1,2 +1,2 @@\n--- a list\n+++ another\n'
  t.strictSame(shown('file[/a]', [{ type: 'update', field: 'content', diff }]).slice(2), ['      @@ -1,2 +1,2 @@', '      --- a list', '      +++ another'])
})

t.test('a text too long to compare is told by its size', async t => {
  t.strictSame(shown('file[/a]', [{ type: 'update', field: 'content', diff: '(600000 characters become 600001)' }]).slice(1), ['    content', '      (600000 characters become 600001)'])
})

t.test('words stand bare, what could be mistaken is quoted', async t => {
  t.strictSame(
    ['0644', '', 'two words', 'none at all', 'tab\there', null, undefined, true, 7, ['a', 'b'], [], ['a b'], { a: 1 }].map(showValue),
    ['0644', '""', '"two words"', '"none at all"', '"tab\\there"', 'none', 'none', 'true', '7', '[a, b]', '[]', '["a b"]', '{"a":1}'],
  )
})

t.test('a long value is cut between characters, and its length told', async t => {
  const text = showValue('\u{1f600}'.repeat(300))
  t.match(text, /\.\.\. \(602 characters\)$/)
  t.notMatch(text, /\p{Cs}/u)
})
