import t from 'tap'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// The package as a user installs it, without the checkout around it.

const checkout = join(import.meta.dirname, '..')
const bin = (name: string): string => join(checkout, 'node_modules/.bin', name)

t.test('the package is whole in itself', async t => {
  const dir = t.testdir({
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify({ compilerOptions: { strict: true, module: 'nodenext', target: 'es2024', noEmit: true, types: [] }, files: ['recipes/agent/recipe.ts'] }),
    'sunup.yaml': 'cloud: local\n',
    'instance.yaml': 'id: i-1\nsecurityGroups: [agent]\n',
    roles: { 'agent.yaml': 'recipes:\n  - agent: { server: example.com }\n  - files: [{ path: /etc/motd, content: hello }]\n' },
    recipes: {
      agent: {
        'agent.conf.mustache': 'server {{server}}:{{port}}\n',
        'recipe.ts': `import { recipe, secret, service, template, z } from 'sunup'

export default recipe({
  description: 'Renders the configuration of an agent.',
  params: z.object({ server: z.string(), port: z.number().default(10051), key: secret().optional() }),
  resources({ params, host, instance, asset }) {
    const port: number = params.port
    const groups: readonly string[] = instance.securityGroups
    // @ts-expect-error a misspelt prop does not compile
    const wrong = (): unknown => service({ name: 'agent', restrtOn: [] })
    void [groups, wrong, host.cpus]
    return [template({ path: '/etc/agent.conf', source: asset('agent.conf.mustache'), vars: { ...params, port } })]
  },
})
`,
      },
    },
  })
  const packed = join(dir, 'packed')
  mkdirSync(packed)
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', packed], { cwd: checkout, stdio: 'ignore' })
  execFileSync('tar', ['xzf', join(packed, readdirSync(packed)[0] as string), '-C', packed])
  const installed = join(dir, 'node_modules/sunup')
  mkdirSync(join(dir, 'node_modules'))
  execFileSync('mv', [join(packed, 'package'), installed])

  const sunup = (...args: string[]) =>
    spawnSync(process.execPath, [join(installed, 'bin/sunup.js'), ...args], {
      cwd: dir,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9', AWS_ENDPOINT_URL: 'http://127.0.0.1:9' },
    })

  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { dependencies?: object; scripts: object; version: string }
  t.equal(manifest.dependencies, undefined, 'it brings no other packages')
  const scripts = ['preinstall', 'install', 'postinstall', 'prepare'].filter(name => name in manifest.scripts)
  t.strictSame(scripts, [], 'nothing of it runs when it is installed, and npm asks about nothing')
  const links = [...readFileSync(join(installed, 'README.md'), 'utf8').matchAll(/\]\(((?:docs|roles|CHANGELOG)[^)#]*)/g)].map(([, path]) => path as string)
  t.ok(links.length > 10)
  t.strictSame(links.filter(path => !existsSync(join(installed, path))), [], 'the pages that the README names come along')

  const types = spawnSync(process.execPath, [bin('tsc'), '-p', dir], { encoding: 'utf8' })
  t.equal(types.stdout, '', 'a recipe is typed by what the package carries')

  t.match(sunup('--version'), { status: 0, stdout: `${manifest.version}\n` })
  t.match(sunup('check'), { status: 0 })
  const boot = sunup('boot', '--root', 'root')
  t.equal(boot.status, 0, boot.stdout + boot.stderr)
  t.equal(readFileSync(join(dir, 'root/etc/agent.conf'), 'utf8'), 'server example.com:10051\n')
  t.equal(readFileSync(join(dir, 'root/etc/motd'), 'utf8'), 'hello')

  writeFileSync(join(dir, 'roles/agent.yaml'), 'recipes:\n  - agnt\n')
  t.match(sunup('check'), { status: 78, stdout: /roles\/agent.yaml:2.*\n[^]*Did you mean agent\?/ })
})
