// The work that is measured, written for sunup and for each peer: N templates rendered from one source with different variables,
// and one git checkout of a local repository.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Contender {
  readonly name: string
  /** The command that converges, run in the work's directory. */
  readonly argv: readonly string[]
  /** What a first run starts without. */
  readonly out: string
  /** What keeps the comparison honest. */
  readonly note?: string
}

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)

/** Makes the repository that all of them check out. */
export function origin(directory: string): string {
  const bare = join(directory, 'origin.git')
  if (existsSync(bare)) return bare
  const seed = join(directory, 'seed')
  mkdirSync(seed, { recursive: true })
  for (const i of numbers(50)) writeFileSync(join(seed, `page${i}.html`), `page ${i}\n`)
  const git = (...args: string[]): void => void execFileSync('git', ['-c', 'user.name=bench', '-c', 'user.email=bench@example.invalid', ...args], { cwd: seed })
  git('init', '-q', '-b', 'main')
  git('add', '.')
  git('commit', '-qm', 'first')
  execFileSync('git', ['clone', '-q', '--bare', seed, bare])
  return bare
}

export function sunup(directory: string, n: number, program: readonly string[]): Contender {
  const out = join(directory, 'out/sunup')
  const home = join(directory, 'sunup')
  write(home, {
    'sunup.yaml': `cloud: local\nstate: ${out}/state\nrun: ${out}/run\n`,
    'instance.yaml': 'id: i-0bench\nsecurityGroups: [bench]\n',
    'roles/bench.yaml': 'recipes:\n  - sites\n',
    'recipes/sites/site.conf.mustache': 'server {\n  listen {{port}};\n  server_name {{name}};\n  root {{root}};\n}\n',
    'recipes/sites/recipe.ts': `import { directory, git, recipe, template } from 'sunup'

export default recipe({
  description: 'The work of the benchmark.',
  resources({ asset }) {
    const source = asset('site.conf.mustache')
    return [
      directory({ path: '${out}' }),
      git({ repository: 'file://${directory}/origin.git', ref: 'main', path: '${out}/app' }),
      ...Array.from({ length: ${n} }, (_, i) =>
        template({ path: \`${out}/site\${i + 1}.conf\`, source, mode: '0644', vars: { port: 8001 + i, name: \`site\${i + 1}.example\`, root: \`/srv/site\${i + 1}\` } }),
      ),
    ]
  },
})
`,
  })
  return { name: 'sunup', argv: [...program, 'boot', '--config', join(home, 'sunup.yaml')], out }
}

export function itamae(directory: string, n: number): Contender {
  const out = join(directory, 'out/itamae')
  write(join(directory, 'itamae'), {
    'templates/site.conf.erb': 'server {\n  listen <%= @port %>;\n  server_name <%= @name %>;\n  root <%= @root %>;\n}\n',
    'recipe.rb': [
      `directory '${out}' do mode '755' end`,
      `git '${out}/app' do repository 'file://${directory}/origin.git'; revision 'main' end`,
      ...numbers(n).map(i => `template '${out}/site${i}.conf' do source 'templates/site.conf.erb'; mode '644'; variables(port: ${8000 + i}, name: 'site${i}.example', root: '/srv/site${i}') end`),
    ].join('\n'),
  })
  return { name: 'itamae', argv: ['itamae', 'local', 'itamae/recipe.rb'], out }
}

export function ansible(directory: string, n: number): Contender {
  const out = join(directory, 'out/ansible')
  write(join(directory, 'ansible'), {
    'site.conf.j2': 'server {\n  listen {{ port }};\n  server_name {{ name }};\n  root {{ root }};\n}\n',
    'play.yml': [
      '- hosts: localhost\n  connection: local\n  gather_facts: no\n  tasks:',
      `  - file: {path: ${out}, state: directory, mode: '0755'}`,
      `  - git: {repo: 'file://${directory}/origin.git', dest: ${out}/app, version: main}`,
      ...numbers(n).map(i => `  - template: {src: site.conf.j2, dest: ${out}/site${i}.conf, mode: '0644'}\n    vars: {port: ${8000 + i}, name: site${i}.example, root: /srv/site${i}}`),
    ].join('\n'),
  })
  return { name: 'ansible', argv: ['ansible-playbook', '-i', 'localhost,', 'ansible/play.yml'], out }
}

export function puppet(directory: string, n: number): Contender {
  const out = join(directory, 'out/puppet')
  write(join(directory, 'puppet'), {
    'site.epp': '<%- | $port, $name_, $root | -%>\nserver {\n  listen <%= $port %>;\n  server_name <%= $name_ %>;\n  root <%= $root %>;\n}\n',
    'site.pp': [
      `file { '${out}': ensure => directory, mode => '0755' }`,
      `exec { '/usr/bin/git clone -q file://${directory}/origin.git ${out}/app': creates => '${out}/app/.git', require => File['${out}'] }`,
      `exec { '/usr/bin/git -C ${out}/app fetch -q origin main': onlyif => '/usr/bin/test -d ${out}/app/.git' }`,
      ...numbers(n).map(
        i => `file { '${out}/site${i}.conf': mode => '0644', content => inline_epp(file('${directory}/puppet/site.epp'), {port => ${8000 + i}, name_ => 'site${i}.example', root => '/srv/site${i}'}) }`,
      ),
    ].join('\n'),
  })
  return { name: 'puppet', argv: ['puppet', 'apply', 'puppet/site.pp'], out }
}

export function pyinfra(directory: string, n: number): Contender {
  const out = join(directory, 'out/pyinfra')
  write(join(directory, 'pyinfra'), {
    'site.conf.j2': 'server {\n  listen {{ port }};\n  server_name {{ site_name }};\n  root {{ root }};\n}\n',
    'deploy.py': `from pyinfra.operations import files, git
files.directory(path="${out}", mode="755")
git.repo(src="file://${directory}/origin.git", dest="${out}/app", branch="main")
for i in range(1, ${n} + 1):
    files.template(src="${directory}/pyinfra/site.conf.j2", dest=f"${out}/site{i}.conf", mode="644", port=8000 + i, site_name=f"site{i}.example", root=f"/srv/site{i}")
`,
  })
  return { name: 'pyinfra', argv: ['pyinfra', '-y', '@local', 'pyinfra/deploy.py'], out }
}

export function comtrya(directory: string, n: number): Contender {
  const out = join(directory, 'out/comtrya')
  write(join(directory, 'comtrya'), {
    'main.yaml': [
      `actions:\n  - action: directory.create\n    path: ${out}\n  - action: git.clone\n    repo_url: file://${directory}/origin.git\n    directory: ${out}/app`,
      ...numbers(n).map(i => `  - action: file.copy\n    from: site${i}.conf\n    to: ${out}/site${i}.conf\n    template: true`),
    ].join('\n'),
    ...Object.fromEntries(numbers(n).map(i => [`files/site${i}.conf`, `server {\n  listen ${8000 + i};\n  server_name site${i}.example;\n  root /srv/site${i};\n}\n`])),
  })
  return { name: 'comtrya', argv: ['comtrya', '-d', 'comtrya', 'apply'], out, note: 'native code; copies a file of its own for each template and never asks the git remote again' }
}

function write(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), content)
  }
}
