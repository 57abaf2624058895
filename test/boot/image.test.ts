import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { build, BuildFailed, packer, templateIn, variables } from './build.ts'
import { imageConfiguration } from './infrastructure.ts'
import { given } from './world.ts'

// What is in the image, and what a build says that can't be.

const TEMPLATE = resolve(import.meta.dirname, '../../packer')
const ZEROS = '0'.repeat(64)
let count = 0

function scratch(): string {
  const directory = join(given.work, `image-test-${count++}`)
  mkdirSync(directory)
  return directory
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof BuildFailed) return error.message
    throw error
  }
  return 'it succeeded'
}

const good = (): Record<string, string> => ({ archive: given.archive, archive_sha256: given.sha256, role: 'web', configuration: imageConfiguration(given.work) })

function validate(values: Readonly<Record<string, string>>): Promise<string> {
  const directory = scratch()
  return packer(directory, ['validate', ...variables(values), templateIn(directory)])
}

t.test('the image is baked, its units are enabled, and it carries nothing of the build', async t => {
  const { root } = diskOf(t, given.layers)
  const version = readlinkSync(join(root, 'opt/sunup'))
  t.match(version, /^sunup-\d/)
  t.equal(readlinkSync(join(root, 'usr/local/bin/sunup')), '/opt/sunup/bin/sunup')
  for (const unit of ['sysinit.target.wants/sunup-close.service', 'multi-user.target.wants/sunup.service']) t.ok(lstatSync(join(root, 'etc/systemd/system', unit)).isSymbolicLink(), unit)
  t.ok(readdirSync(join(root, 'opt', version, 'program/dist/cache')).some(name => name.endsWith('-boot')), 'what V8 compiles of a boot is in it')
  t.equal(readFileSync(join(root, 'etc/machine-id'), 'utf8'), '')
  for (const path of ['etc/ssh/ssh_host_ed25519_key', 'home/admin/.ssh/authorized_keys', 'tmp/sunup-build', 'var/lib/cloud/instance', 'run/sunup/health/ping.html']) t.notOk(existsSync(join(root, path)), path)
})

t.test('the template is valid and formatted, and names what is missing or wrong in what it is given', async t => {
  await validate(good())
  await packer(scratch(), ['fmt', '-check', TEMPLATE])
  const { role: _, ...without } = good()
  t.match(await refusal(validate(without)), /Unset variable "role"/)
  t.match(await refusal(validate({ ...good(), archive_sha256: 'abc' })), /64 hexadecimal digits/)
  t.match(await refusal(validate({ ...good(), archive_sha256: 'z'.repeat(64) })), /64 hexadecimal digits/)
  t.match(await refusal(validate({ ...good(), role: '' })), /name of a file in roles\//)
  const alpine = await refusal(validate({ ...good(), distribution: 'alpine' }))
  t.match(alpine, /debian-12, ubuntu-24\.04/)
  t.equal(alpine.match(/^Error: /gm)?.length, 1, alpine)
  t.match(await refusal(validate({ ...good(), archive: '/nonexistent.tar.gz' })), /nonexistent/)
})

t.test('both builds of the template provision in the same way', async t => {
  const provisioners = (file: string): string => {
    const text = readFileSync(join(TEMPLATE, file), 'utf8')
    return text.slice(text.indexOf('  # The image\'s own first start'))
  }
  t.ok(provisioners('plugins.pkr.hcl').includes('provision.sh'))
  t.equal(provisioners('plugins.pkr.hcl'), provisioners('sunup.pkr.hcl'))
})

t.test('a build with a wrong checksum, or a role with nothing to prepare, fails and says why', async t => {
  const wrong = await refusal(build({ ...given, sha256: ZEROS, directory: scratch(), configuration: imageConfiguration(given.work), role: 'web' }))
  t.match(wrong, /the checksum of .* is wrong/)
  t.match(wrong, /Nothing was installed/)
  t.notMatch(wrong, /AMIs were created/)
  const configuration = scratch()
  mkdirSync(join(configuration, 'roles'))
  writeFileSync(join(configuration, 'sunup.yaml'), 'cloud: aws\n')
  writeFileSync(join(configuration, 'roles/idle.yaml'), 'recipes:\n  - registry\n')
  const idle = await refusal(build({ ...given, directory: scratch(), configuration, role: 'idle' }))
  t.match(idle, /nothing to (prepare|bake)/i)
  t.notMatch(idle, /AMIs were created/)
})

/** A machine's disk that never starts. */
function diskOf(t: Test, layers: readonly string[]): { readonly root: string } {
  const directory = scratch()
  const root = join(directory, 'root')
  for (const name of ['root', 'upper', 'work']) mkdirSync(join(directory, name))
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', `lowerdir=${layers.join(':')},upperdir=${join(directory, 'upper')},workdir=${join(directory, 'work')}`, root])
  t.teardown(() => execFileSync('umount', [root]))
  return { root }
}

interface Stock {
  readonly root: string
  install(...args: string[]): { readonly code: number; readonly output: string }
}

function inStock(t: Test): Stock {
  const { root } = diskOf(t, [given.stock])
  execFileSync('cp', [given.archive, join(root, 'root/sunup.tar.gz')])
  execFileSync('cp', [join(TEMPLATE, 'install.sh'), join(root, 'root/install.sh')])
  return {
    root,
    install(...args) {
      try {
        return { code: 0, output: execFileSync('chroot', [root, 'sh', '/root/install.sh', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }) }
      } catch (error) {
        const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string }
        return { code: status, output: stdout + stderr }
      }
    },
  }
}

const nothing = (root: string): boolean => readdirSync(join(root, 'opt')).length === 0 && !existsSync(join(root, 'usr/local/bin/sunup'))

t.test('install.sh installs once, and again changes nothing', async t => {
  const { root, install } = inStock(t)
  const argv = ['--archive', '/root/sunup.tar.gz', '--sha256', given.sha256]
  t.match(install(...argv), { code: 0, output: /^sunup \S+ is installed in \/opt\/sunup-/ })
  const names = readdirSync(join(root, 'opt')).sort()
  t.equal(names.length, 2, 'the program and the link to it, and nothing half made')
  const inode = (): string => execFileSync('stat', ['-c', '%i %Z', join(root, 'opt', names[1] as string), join(root, 'usr/local/bin/sunup')], { encoding: 'utf8' })
  const before = inode()
  t.match(install(...argv), { code: 0 })
  t.equal(inode(), before)
  t.strictSame(readdirSync(join(root, 'opt')).sort(), names)
  t.match(execFileSync('chroot', [root, 'sunup', '--version'], { encoding: 'utf8' }), /^\d+\.\d+\.\d+\n$/)
  t.match(execFileSync('chroot', [root, `/opt/${names[1]}/install.sh`], { encoding: 'utf8' }), /is installed/, 'from where it lies, too')
})

t.test('install.sh makes anew what is damaged, and puts another build of the same version beside the one at work', async t => {
  const { root, install } = inStock(t)
  const links = (): string => readlinkSync(join(root, 'opt/sunup'))
  const argv = ['--archive', '/root/sunup.tar.gz', '--sha256', given.sha256.toUpperCase()]
  t.match(install(...argv), { code: 0 })
  const home = join(root, 'opt', links())
  for (const part of ['runtime/node', 'program/dist/main.cjs']) {
    writeFileSync(join(home, part), '')
    t.match(install(...argv), { code: 0 })
    t.match(execFileSync('chroot', [root, 'sunup', '--version'], { encoding: 'utf8' }), /^\d+\.\d+\.\d+\n$/, part)
  }
  // What `--version` does not need.
  const template = join(home, 'program/dist/recipes/nginx/sunup-default.conf.mustache')
  const whole = readFileSync(template, 'utf8')
  const damages = [() => rmSync(join(home, 'program/dist/recipes'), { recursive: true }), () => writeFileSync(template, '\0'.repeat(whole.length)), () => rmSync(join(home, '.sums'))]
  for (const damage of damages) {
    damage()
    t.match(install(...argv), { code: 0 })
    t.equal(readFileSync(template, 'utf8'), whole)
    t.equal(links(), basename(home))
    t.strictSame(readdirSync(join(root, 'opt')).sort(), ['sunup', basename(home)])
  }
  writeFileSync(template, '')
  t.throws(() => execFileSync('chroot', [root, join('/opt', basename(home), 'install.sh')], { stdio: 'pipe' }), { status: 1, message: /is damaged: install it from the archive/ })
  t.match(install(...argv), { code: 0 })
  execFileSync('chroot', [root, 'sh', '-ec', 'cd /root && tar -xzf sunup.tar.gz && echo "// another" | tee -a sunup-*/program/bin/load.js >/dev/null && tar -czf other.tar.gz sunup-*'])
  const other = execFileSync('sha256sum', [join(root, 'root/other.tar.gz')], { encoding: 'utf8' }).slice(0, 64)
  const before = readFileSync(join(home, 'program/bin/load.js'), 'utf8')
  t.match(install('--archive', '/root/other.tar.gz', '--sha256', other), { code: 0 })
  t.equal(links(), `${basename(home)}-${other.slice(0, 8)}`)
  t.equal(readFileSync(join(home, 'program/bin/load.js'), 'utf8'), before, 'the first is as it was')
  t.match(install(...argv), { code: 0 })
  t.equal(links(), basename(home), 'and back')
  t.match(execFileSync('chroot', [root, 'sh', '-c', '/root/sunup-*/install.sh'], { encoding: 'utf8' }), /is installed/, 'one that was unpacked and differs')
  t.match(links(), /^sunup-[\d.]+-[0-9a-f]{8}$/)
})

t.test('what a killed install.sh left is taken away by the next, and what one at work has is not', async t => {
  const { root, install } = inStock(t)
  for (const pid of [4_194_305, process.pid]) mkdirSync(join(root, `opt/.sunup-install.${pid}.abcdef/sunup-0.0.0`), { recursive: true })
  t.match(install('--archive', '/root/sunup.tar.gz', '--sha256', given.sha256), { code: 0 })
  t.strictSame(readdirSync(join(root, 'opt')).filter(name => name.startsWith('.')), [`.sunup-install.${process.pid}.abcdef`])
})

t.test('where something that is not install.sh’s lies in the place of a link, what is installed stays at work', async t => {
  const { root, install } = inStock(t)
  const argv = ['--archive', '/root/sunup.tar.gz', '--sha256', given.sha256]
  for (const place of ['opt/sunup', 'usr/local/bin/sunup']) {
    writeFileSync(join(root, place), 'of somebody\n')
    t.match(install(...argv), { code: 1, output: new RegExp(`/${place} is there, and no link of sunup's\\. Nothing was installed`) })
    t.equal(readFileSync(join(root, place), 'utf8'), 'of somebody\n')
    rmSync(join(root, place))
    t.ok(nothing(root), place)
  }
  mkdirSync(join(root, 'opt/sunup-0.0.1'))
  symlinkSync('sunup-0.0.1', join(root, 'opt/sunup'))
  for (const place of ['usr/local/bin/sunup', 'usr/local/bin/sunup.new']) {
    mkdirSync(join(root, place))
    t.match(install(...argv), { code: 1 }, place)
    t.equal(readlinkSync(join(root, 'opt/sunup')), 'sunup-0.0.1', place)
    t.notOk(existsSync(join(root, 'opt/sunup.new')))
    rmdirSync(join(root, place))
  }
})

t.test('install.sh refuses what it can’t do, and installs nothing', async t => {
  const { root, install } = inStock(t)
  const release = readFileSync(join(root, 'usr/lib/os-release'), 'utf8')
  const argv = ['--archive', '/root/sunup.tar.gz', '--sha256', given.sha256]
  t.match(install('--archive', '/root/sunup.tar.gz', '--sha256', ZEROS), { code: 1, output: new RegExp(`checksum .* is wrong: it is ${given.sha256}`) })
  t.match(install('--archive', '/root/sunup.tar.gz'), { code: 64, output: /--archive needs --sha256/ })
  t.match(install('--archive', '/root/sunup.tar.gz', '--sha256', 'xyz'), { code: 64, output: /64 hexadecimal digits/ })
  t.match(install('--archive', '/root/none.tar.gz', '--sha256', ZEROS), { code: 1, output: /there is no file/ })
  t.match(install('--archive', '/root/sunup-0.1.0-linux-arm64.tar.gz', '--sha256', ZEROS), { code: 1, output: /another architecture/ })
  t.match(install('--archiv'), { code: 64, output: /unknown argument --archiv/ })
  t.match(install(), { code: 64, output: /no sunup beside this script/ })
  writeFileSync(join(root, 'usr/lib/os-release'), 'ID=alpine\nPRETTY_NAME="Alpine Linux v3.22"\n')
  t.match(install(...argv), { code: 1, output: /unsupported distribution: Alpine Linux v3\.22/ })
  t.ok(nothing(root))
  writeFileSync(join(root, 'usr/lib/os-release'), 'ID=amzn\nID_LIKE="fedora"\nPRETTY_NAME="Amazon Linux 2023"\n')
  t.match(install(...argv), { code: 0 }, 'the Red Hat family is supported')
  writeFileSync(join(root, 'usr/lib/os-release'), release)
})

t.test('only root installs', async t => {
  const { root } = inStock(t)
  execFileSync('chmod', ['755', join(root, 'root')])
  let said = ''
  try {
    execFileSync('chroot', ['--userspec=65534:65534', root, 'sh', '/root/install.sh', '--archive', '/root/sunup.tar.gz', '--sha256', given.sha256], { stdio: 'pipe' })
  } catch (error) {
    said = String((error as { stderr: Buffer }).stderr)
  }
  t.match(said, /this needs root/)
  t.ok(nothing(root))
})

t.test('cloud-init accepts the user data that comes with it, each below 1 KB', async t => {
  const { root } = inStock(t)
  const directory = resolve(import.meta.dirname, '../../cloud-init')
  for (const name of readdirSync(directory)) {
    const text = readFileSync(join(directory, name), 'utf8')
    t.ok(text.length < 1024, `${name}: ${text.length} bytes`)
    execFileSync('cp', [join(directory, name), join(root, 'root', name)])
    if (name.endsWith('.yaml')) t.match(execFileSync('chroot', [root, 'cloud-init', 'schema', '--config-file', `/root/${name}`], { encoding: 'utf8', stdio: 'pipe' }), /Valid (cloud-config|schema)/i, name)
    else execFileSync('chroot', [root, 'sh', '-n', `/root/${name}`])
  }
  writeFileSync(join(root, 'root/wrong.yaml'), '#cloud-config\nwrite_file:\n  - path: /etc/x\nruncmd: 7\n')
  t.throws(() => execFileSync('chroot', [root, 'cloud-init', 'schema', '--config-file', '/root/wrong.yaml'], { stdio: 'pipe' }), 'and refuses a wrong one')
})
