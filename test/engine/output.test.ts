import t from 'tap'
import { boundedOutput } from '../../src/engine/output.ts'
import { settle } from '../../src/engine/settle.ts'
import { execute } from '../../src/resources/execute.ts'
import { surroundings } from '../conformance/settles.ts'
import { testMachine } from '../support/machine.ts'

t.test('a little output is told whole, and nothing about it', async t => {
  const told: string[] = []
  const output = boundedOutput((stream, text) => told.push(`${stream} ${text}`))
  output.say('stdout', 'one')
  output.say('stderr', 'two')
  output.end()
  t.strictSame(told, ['stdout one', 'stderr two'])
})

t.test('of a command without end to its output the beginning is told, how much is left out, and its last lines when it fails', async t => {
  const machine = testMachine(t)
  const told: string[] = []
  const script = 'i=0; while [ $i -lt 3 ]; do i=$((i+1)); yes | head -n 100000; done; echo last >&2; sleep 0.1; exit 1'
  const resource = execute({ name: 'much', argv: ['sh', '-c', script] })
  const around = surroundings(machine, [])
  const { failure } = await settle(resource, { ...around, story: { run: 'r', tell: event => void (event.type === 'resource.output' && told.push(event.text)) } })
  const last = told.pop()
  t.ok(told.length > 1_000 && told.length < 3_000)
  t.equal(last, `… and ${300_001 - told.length} more lines that are not kept`)
  t.match(failure?.output, /^(y\n)+last$/)
})
