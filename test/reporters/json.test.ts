import t from 'tap'
import { jsonReporter } from '../../src/reporters/json.ts'
import { RUNS } from '../support/runs.ts'
import { told } from '../support/telling.ts'

t.test('every event is one line of JSON, as it is, and there is nothing else', async t => {
  const events = told(Object.values(RUNS).flat())
  let text = ''
  const reporter = jsonReporter({ write: more => void (text += more) })
  events.forEach(reporter.sink)
  reporter.finish()
  t.strictSame(text.trimEnd().split('\n').map(line => JSON.parse(line) as unknown), events)
  t.equal(text.split('\n').length, events.length + 1)
})

t.test('control characters stay within their line, spelt out', async t => {
  let text = ''
  jsonReporter({ write: more => void (text += more) }).sink({ type: 'gate.kept-closed', reason: 'a\nb\x1b[2J', run: 'r', at: 'now' })
  t.notMatch(text.trimEnd(), /[\u0000-\u001f]/)
})
