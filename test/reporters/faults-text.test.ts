import t from 'tap'
import { faultsText, type FaultsTextOptions, type ShownFault } from '../../src/reporters/faults-text.ts'
import { matchesGolden } from '../support/golden.ts'

const FILES: Readonly<Record<string, string>> = {
  'roles/web.yaml': 'description: web\nrecipes:\n  - ngnix\n  - ngnix-extra: { port: eighty }\ndeadlin: 15m\n',
  'templates/motd': 'Hello\n\t{{ nmae }} of {{ instance.nmae }}\n',
}

function shown(options: Partial<FaultsTextOptions>): string {
  return faultsText({ faults: [], warnings: [], source: file => FILES[file], colour: false, ...options })
}

function fault(file: string, line: number | undefined, message: string, more: { hint?: string; column?: number } = {}): ShownFault {
  return { place: { file, ...(line !== undefined && { line }), ...(more.column !== undefined && { column: more.column }) }, message, code: 'role.invalid', ...(more.hint !== undefined && { hint: more.hint }) }
}

t.test('faults stand by file and line, each with the line it is about', async t => {
  const faults = [
    fault('roles/web.yaml', 5, 'unknown key "deadlin"', { hint: 'Did you mean deadline?' }),
    fault('templates/motd', 2, 'there is no name "nmae"', { column: 5 }),
    fault('roles/web.yaml', 4, 'recipe ngnix-extra: port must be a number, found "eighty"'),
    fault('roles/gone.yaml', undefined, 'there is no such file'),
  ]
  const warnings = [fault('roles/web.yaml', 3, 'execute[x] runs in every boot')]
  matchesGolden(t, 'faults.txt', shown({ faults, warnings }))
  t.equal(shown({ faults, warnings, colour: true }).replace(/\x1b\[\d+m/g, ''), shown({ faults, warnings }))
})

t.test('what is quoted is pointed at only where there is one of it', async t => {
  const text = (message: string): string => shown({ faults: [fault('templates/motd', 2, message)] })
  t.match(text('no name "instance.nmae"'), /^ +\t +\^{13}$/m)
  t.notMatch(text('no name "nmae"'), '^')
})

t.test('without faults it says so', async t => {
  t.equal(shown({}), 'no faults found\n')
})

t.test('warnings alone are no faults', async t => {
  t.match(shown({ warnings: [fault('roles/web.yaml', 1, 'odd')] }), /\n\nno faults, 1 warning in 1 file\n$/)
})

t.test('a hint of several lines stands on several lines', async t => {
  const text = shown({ faults: [fault('instance.yaml', undefined, 'wrong', { hint: 'The least is:\n  id: i-local\n  securityGroups: [web]' })] })
  t.match(text, '\n    hint: The least is:\n      id: i-local\n      securityGroups: [web]\n')
})

t.test('a file is asked for once, whatever is wrong with it', async t => {
  const asked: string[] = []
  shown({ faults: [1, 2, 3].map(line => fault('roles/web.yaml', line, 'wrong')), source: file => void asked.push(file) as undefined })
  t.strictSame(asked, ['roles/web.yaml'])
})

t.test('a file that holds escape sequences does not reach the terminal with them', async t => {
  const text = shown({ faults: [fault('a\x1b[2J', 1, 'bad "x\x1b[2J"', { hint: '\x1b[2J' })], source: () => 'x\x1b[2J: 1\n' })
  t.notMatch(text, '\x1b')
  t.match(text, '1 | x\\x1b[2J: 1')
})
