import { join } from 'node:path'
import t from 'tap'
import { undoneIn } from '../../src/engine/journal.ts'

t.test('lines that no journal wrote are passed over', async t => {
  const dir = t.testdir({ journal: 'null\n3\n[]\n{ torn\n{"t":"begin","id":"file[/x]"}\n' })
  t.strictSame(undoneIn(join(dir, 'journal')), { debts: [], begun: ['file[/x]'] })
})
