import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { completionScript, type Shell } from '../../src/cli/completion.ts'
import type { Program } from '../../src/cli/completion/switches.ts'

const program: Program = {
  name: 'sunup',
  options: [
    { flags: '--config <file>', summary: 'where it’s configured: [a file]' },
    { flags: '--root <dir>', summary: "a staging root, 'elsewhere'" },
    { flags: '--role <name>', summary: 'the role' },
    { flags: '--format <format>', summary: 'what is written', values: ['text', 'json'] },
    { flags: '--verbose', summary: 'all of it' },
  ],
  commands: [
    { name: 'boot', summary: 'provision this instance' },
    { name: 'bake', summary: 'prepare an image' },
    { name: 'report', summary: 'a run in full', options: [{ flags: '--list', summary: 'the runs' }, { flags: '--html <file>', summary: 'as a page' }] },
    { name: 'registry', summary: 'the fleet', arguments: [{ name: '<verb>', values: ['list', 'put', 'remove'] }] },
  ],
}

/** What bash offers when tab is pressed at the end of these words, which are as bash takes them apart. */
function offered(t: Test, words: readonly string[], of = program): string[] {
  const directory = t.testdir({ roles: { 'web.yaml': '', 'base.yaml': '', 'notes.txt': '' }, 'a folder': {}, 'sunup.yaml': '' })
  return offeredIn(directory, words, of)
}

function offeredIn(directory: string, words: readonly string[], of = program): string[] {
  const script = `${completionScript('bash', of)}
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_sunup sunup "\${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "\${COMPREPLY[@]}"`
  const text = execFileSync('bash', ['--norc', '-c', script, 'bash', ...words], { cwd: directory, encoding: 'utf8' })
  return text.split('\n').filter(line => line !== '').sort()
}

function hasShell(shell: Shell): boolean {
  try {
    execFileSync(shell, ['-c', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

t.test('bash', { skip: !hasShell('bash') && 'bash is not installed here' }, async t => {
  t.test('offers the commands first', async t => {
    t.strictSame(offered(t, ['sunup', '']), ['bake', 'boot', 'registry', 'report'])
  })

  t.test('offers what begins as the word does', async t => {
    t.strictSame(offered(t, ['sunup', 'bo']), ['boot'])
  })

  t.test("offers a command's own options beside those that go everywhere", async t => {
    t.strictSame(offered(t, ['sunup', 'report', '--']), ['--config', '--format', '--help', '--html', '--list', '--role', '--root', '--verbose'])
    t.notOk(offered(t, ['sunup', 'boot', '--']).includes('--list'))
  })

  t.test('finds the command behind options and their values', async t => {
    t.strictSame(offered(t, ['sunup', '--role', 'boot', 'registry', '']), ['list', 'put', 'remove'])
    t.strictSame(offered(t, ['sunup', '--role', '=', 'boot', 'registry', 'p']), ['put'])
  })

  t.test('offers the values of an option', async t => {
    t.strictSame(offered(t, ['sunup', 'boot', '--format', '']), ['json', 'text'])
  })

  t.test('offers the values that a command knows, and to the others those that all do', async t => {
    const [registry, ...others] = [...program.commands].reverse()
    const more: Program = { ...program, commands: [...others, { ...(registry as Program['commands'][number]), options: [{ flags: '--format <format>', summary: 'how', values: ['table', 'json'] }] }] }
    t.strictSame(offered(t, ['sunup', 'registry', '--format', ''], more), ['json', 'table'])
    t.strictSame(offered(t, ['sunup', 'boot', '--format', ''], more), ['json', 'text'])
    t.equal(offered(t, ['sunup', 'registry', '--'], more).filter(one => one === '--format').length, 1)
  })

  t.test('offers values behind the sign of --option=value', async t => {
    t.strictSame(offered(t, ['sunup', '--format', '=']), ['json', 'text'])
    t.strictSame(offered(t, ['sunup', '--format', '=', 'j']), ['json'])
  })

  t.test('offers the roles of the current directory', async t => {
    t.strictSame(offered(t, ['sunup', 'boot', '--role', '']), ['base', 'web'])
    t.strictSame(offered(t, ['sunup', 'boot', '--role', 'w']), ['web'])
  })

  t.test('offers the roles of the place that is named', async t => {
    const directory = t.testdir({ roles: { 'here.yaml': '' }, infra: { roles: { 'there.yaml': '' } } })
    t.strictSame(offeredIn(directory, ['sunup', 'boot', '--source', 'infra', '--role', '']), ['there'])
    t.strictSame(offeredIn(directory, ['sunup', '--config', '=', 'infra/sunup.yaml', 'boot', '--role', '=', '']), ['there'])
    t.strictSame(offeredIn(directory, ['sunup', '--config', 'infra/sunup.yaml', '--source', '.', 'boot', '--role', '']), ['here'])
    t.strictSame(offeredIn(directory, ['sunup', '--config', 'sunup.yaml', 'boot', '--role', '']), ['here'])
  })

  t.test('offers no roles where there are none', async t => {
    t.strictSame(offeredIn(t.testdir({}), ['sunup', '--role', '']), [])
  })

  t.test("runs nothing that stands in a role's name", async t => {
    const directory = t.testdir({ roles: {} })
    writeFileSync(join(directory, 'roles', '$(touch ran).yaml'), '')
    t.strictSame(offeredIn(directory, ['sunup', '--role', '']), ['$(touch ran)'])
    t.strictSame(readdirSync(directory), ['roles'])
  })

  t.test('offers directories for --root, files for --config, with spaces in one piece', async t => {
    t.strictSame(offered(t, ['sunup', '--root', '']), ['a folder', 'roles'])
    t.strictSame(offered(t, ['sunup', '--config', 'su']), ['sunup.yaml'])
  })

  t.test('is registered for the program', async t => {
    const text = execFileSync('bash', ['--norc', '-c', `${completionScript('bash', program)}\ncomplete -p sunup`], { encoding: 'utf8' })
    t.equal(text, 'complete -F _sunup sunup\n')
  })
})

t.test('zsh reads its script', { skip: !hasShell('zsh') && 'zsh is not installed here' }, async t => {
  const directory = t.testdir({ script: completionScript('zsh', program) })
  t.doesNotThrow(() => execFileSync('zsh', ['-n', join(directory, 'script')], { stdio: 'pipe' }))
})

t.test('fish reads its script', { skip: !hasShell('fish') && 'fish is not installed here' }, async t => {
  const directory = t.testdir({ script: completionScript('fish', program) })
  t.doesNotThrow(() => execFileSync('fish', ['--no-execute', join(directory, 'script')], { stdio: 'pipe' }))
})

t.test('fish and zsh offer the roles of the place that is named, too', async t => {
  const directory = t.testdir({ roles: { 'here.yaml': '' }, infra: { roles: { 'there.yaml': '' } }, fish: completionScript('fish', program), zsh: completionScript('zsh', program) })
  const line = 'sunup --config infra/sunup.yaml boot --role '
  const scripts = {
    fish: `source fish; complete -C '${line}'`,
    // Outside of a completion there is neither, and what was found is all that matters.
    zsh: `compdef() { : }; compadd() { print -l $found }; source ./zsh; LBUFFER='${line}'; _sunup_roles`,
  }
  for (const shell of ['fish', 'zsh'] as const) {
    if (!hasShell(shell)) continue
    const text = execFileSync(shell, [shell === 'fish' ? '--no-config' : '-f', '-c', scripts[shell]], { cwd: directory, encoding: 'utf8', env: { ...process.env, HOME: directory } })
    t.match(text.trim(), /^there\b/, shell)
    t.notMatch(text, 'here.yaml')
  }
})

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  t.test(`the script for ${shell} names every command and every option`, async t => {
    const script = completionScript(shell, program)
    const names = [...program.commands.map(one => one.name), ...['config', 'root', 'role', 'format', 'verbose', 'help', 'list', 'html']]
    t.strictSame(names.filter(name => !script.includes(name)), [])
  })
}

t.test('in the script for zsh, signs that mean something to _arguments are escaped', async t => {
  t.match(completionScript('zsh', program), "'--config=[where it’s configured\\: \\[a file\\]]:config:_files'")
})

t.test('a quote in a summary ends no word', async t => {
  t.match(completionScript('zsh', program), "a staging root, '\\''elsewhere'\\''")
  t.match(completionScript('fish', program), "a staging root, \\'elsewhere\\'")
})

