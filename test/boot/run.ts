import { execFileSync, spawn } from 'node:child_process'
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { environment } from '../aws/emulator.ts'
import { stockRoot } from './root.ts'

/** Runs test/boot/*.test.ts, or the files named: an image is built by the real Packer build and sealed, and instances of it are booted.
 *  Needs root, and the Debian packages mmdebstrap, systemd-container, iproute2, git, openssh-client, packer, and python3 with venv.
 *  What needs a network is had first; then all goes on in a network of its own that leads nowhere. Exit code 0: all of them ran, and nothing failed. */

const checkout = resolve(import.meta.dirname, '../..')
/** Not in memory: what a machine writes outlives its power. */
const WORK = '/var/tmp'

/** Whatever is mounted or made in the namespaces is gone with them. */
const ALONE = `
set -e
ip link set lo up
mkdir -p /run/systemd /run/netns
mount -t tmpfs tmpfs /run/systemd
mount -t tmpfs tmpfs /run/netns
exec "$@"
`

async function main(files: readonly string[]): Promise<number> {
  const work = mkdtempSync(join(WORK, 'sunup-boot-'))
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ending.abort(new Error(signal)))
  try {
    const stock = stockRoot()
    const bin = await environment(process.env.SUNUP_AWS_SUITE ?? join(homedir(), '.cache/sunup-aws-suite'), ending.signal)
    execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(checkout, 'scripts/package.ts'), '--out', work], { stdio: ['ignore', 'ignore', 'inherit'] })
    const archive = join(work, readdirSync(work).find(name => name.endsWith('.tar.gz')) as string)
    const sha256 = readFileSync(join(work, 'SHA256SUMS'), 'utf8').slice(0, 64)
    const given = JSON.stringify({ work, stock, bin, archive, sha256, files })
    const argv = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'alone.ts'), given]
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--net', '--mount', 'sh', '-c', ALONE, 'sh', ...argv], { stdio: ['ignore', 'inherit', 'inherit'] })
    ending.signal.addEventListener('abort', () => child.kill('SIGTERM'))
    return await new Promise(ended => child.once('close', code => ended(code ?? 1)))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

if (process.geteuid?.() !== 0) {
  console.error('The boot test boots machines: it needs root.')
  process.exitCode = 1
} else {
  const named = process.argv.slice(2).map(file => basename(file))
  process.exitCode = await main(named.length > 0 ? named : globSync('*.test.ts', { cwd: import.meta.dirname }).sort())
}
