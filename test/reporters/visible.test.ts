import fc from 'fast-check'
import t from 'tap'
import { outputLines } from '../../src/reporters/failures.ts'
import { cut, visible, visibleLines } from '../../src/reporters/visible.ts'
import { screen } from '../support/screen.ts'

t.test('controls, invisible characters and half characters are spelt out', async t => {
  t.equal(visible('a\x1b[31mb\r\n\t\x7f\x9b\u202e\u200b\ud800'), 'a\\x1b[31mb\\r\\n\\t\\x7f\\x9b\\u{202e}\\u{200b}\\u{d800}')
})

t.test('writing of any language stays as it is', async t => {
  for (const text of ['Grüße', '日本語', 'می‌خواهم', '👩‍👩‍👧', 'e\u0301']) t.equal(visible(text), text)
})

t.test('lines stay lines, and their tabs tabs', async t => {
  t.strictSame(visibleLines('a\n\tb\r\n\nc\n'), ['a', '\tb\\r', '', 'c'])
  t.strictSame(visibleLines(''), [])
})

t.test('output is what a terminal would have been left with', async t => {
  t.strictSame(outputLines('10%\r50%\r100%, done\r\nnext\r\n'), ['100%, done', 'next'])
})

t.test('what was cut fits, however wide its characters are', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 30 }), (text, columns) => {
      const terminal = screen(columns)
      terminal.write(cut(visible(text), columns))
      return terminal.rows().length === 1
    }),
  )
})

t.test('what is short enough is left whole; what is cut says so', async t => {
  t.equal(cut('12345', 5), '12345')
  t.equal(cut('123456', 5), '12...')
  t.equal(cut('日本語日本語', 8), '日本...')
  t.equal(cut('123456', 2), '')
})
