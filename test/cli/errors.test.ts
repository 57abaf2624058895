import t from 'tap'
import { showFailure } from '../../src/cli/errors.ts'
import { asFailure, Failure } from '../../src/core/failure.ts'

function shown(failure: Failure, verbose = false): string {
  return showFailure(failure, { colour: false, verbose })
}

t.test('what happened, why, what was printed, what to do', async t => {
  const failure = new Failure('git.failed', 'git fetch of https://git.example.com/app.git failed', {
    cause: new Error('exit code 128'),
    output: 'remote: Repository not found.\nfatal: repository not found\n',
    hint: 'See whether the URL is right.',
  })
  t.equal(
    shown(failure),
    `error: git fetch of https://git.example.com/app.git failed
  because: exit code 128
  | remote: Repository not found.
  | fatal: repository not found
  hint: See whether the URL is right.
`,
  )
})

t.test('a hint of several lines stands on several lines, of one fault and of many', async t => {
  const hint = 'The least is:\n  id: i-local'
  t.equal(shown(new Failure('instance.missing', 'there is none', { hint })), 'error: there is none\n  hint: The least is:\n    id: i-local\n')
  const faults = [1, 2].map(line => ({ place: { file: 'instance.yaml', line }, message: 'no', hint, code: 'instance.invalid' as const }))
  t.match(shown(new Failure('instance.invalid', 'both', { faults })), '    hint: The least is:\n      id: i-local\n')
})

t.test('a cause that the message repeats is not repeated again', async t => {
  const failure = new Failure('file.denied', '/a can’t be read: EACCES, open', { cause: new Error('EACCES, open') })
  t.equal(shown(failure), 'error: /a can’t be read: EACCES, open\n')
})

t.test('of many wraps the first few are told', async t => {
  const wrapped = [5, 4, 3, 2, 1].reduce<Error | undefined>((cause, index) => new Error(`wrap ${index}`, { cause }), undefined)
  t.strictSame(shown(new Failure('cloud.unreachable', 'no answer', { cause: wrapped })).match(/wrap \d/g), ['wrap 1', 'wrap 2', 'wrap 3'])
})

t.test('causes that go round in a circle come to an end', async t => {
  const first = new Error('first')
  first.cause = new Error('second', { cause: first })
  t.strictSame(shown(new Failure('cloud.unreachable', 'no answer', { cause: first }), true).match(/caused by Error: \w+/g), ['caused by Error: first', 'caused by Error: second'])
})

t.test('there is a stack when it is asked for, and never else', async t => {
  const failure = new Failure('role.invalid', 'roles/web.yaml:4: no', { cause: new TypeError('deep down') })
  t.notMatch(shown(failure), /^ +at /m)
  t.match(shown(failure, true), /Failure: roles\/web\.yaml:4: no\n +at /)
  t.match(shown(failure, true), 'caused by TypeError: deep down')
})

t.test('a bug says that it is ours', async t => {
  for (const failure of [asFailure(new TypeError('x is not a function')), new Failure('bug', 'x is not a function')]) {
    t.match(shown(failure), 'error: a fault in sunup itself: x is not a function\n')
  }
  t.match(shown(asFailure(new TypeError('x'))), 'hint: Run again with --verbose for the stack')
})

t.test('several faults are told each with its hint', async t => {
  const place = { file: 'roles/web.yaml', line: 4 }
  const faults = [
    { place, message: 'unknown key "a"', hint: 'Did you mean b?', code: 'role.invalid' },
    { place: { ...place, line: 9 }, message: 'unknown key "c"', code: 'role.invalid' },
  ] as const
  t.equal(
    shown(new Failure('role.invalid', 'both of them', { faults, hint: 'Did you mean b?' })),
    `error: 2 faults
  roles/web.yaml:4: unknown key "a"
    hint: Did you mean b?
  roles/web.yaml:9: unknown key "c"
`,
  )
})

t.test('nothing of it obeys its writer', async t => {
  const evil = 'x\x1b[2J\r\x07'
  const failure = new Failure('command.failed', evil, { cause: new Error(evil), output: evil, hint: evil })
  t.notMatch(shown(failure, true), /[^\n\x20-\x7e]/)
})

t.test('a failure without words still has its code', async t => {
  t.equal(shown(new Failure('git.failed', '')), 'error: git.failed\n')
})
