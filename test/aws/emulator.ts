import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt')

/** The virtual environment with moto, botocore and the AWS CLI, made once for each list of requirements and each Python.
 *  @param cache a directory outside the checkout
 *  @returns its bin directory */
export async function environment(cache: string, signal: AbortSignal): Promise<string> {
  const { stdout: python } = await run('python3', ['-c', 'import sys; print(sys.version, sys.prefix)'], { signal })
  const known = createHash('sha256').update(readFileSync(REQUIREMENTS)).update(python).digest('hex').slice(0, 16)
  const ready = join(cache, known)
  if (existsSync(join(ready, 'bin/moto_server'))) return join(ready, 'bin')
  mkdirSync(cache, { recursive: true })
  // An environment can't be moved, so it is made where it stays; whoever is first gives it the name that all look for.
  const made = mkdtempSync(join(cache, 'made-'))
  try {
    console.error(`# making ${made}: moto, botocore, awscli`)
    await run('python3', ['-m', 'venv', made], { signal })
    await run(join(made, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS], { signal, maxBuffer: 1 << 26 })
    if (existsSync(join(ready, 'bin/moto_server'))) rmSync(made, { recursive: true })
    else {
      symlinkSync(basename(made), `${made}.link`)
      renameSync(`${made}.link`, ready)
    }
  } catch (error) {
    rmSync(made, { recursive: true, force: true })
    throw error
  }
  return join(ready, 'bin')
}

export interface Emulator {
  /** e.g. http://127.0.0.1:40123 */
  readonly endpoint: string
  /** As if newly started. */
  reset(): Promise<void>
  stop(): Promise<void>
}

/** How long moto's server may take until it listens. */
const START_MS = 60_000

/** Ends with whoever started it, however that ended: then its standard input closes. */
const SERVER = `
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', '0'])
`

/** Starts moto's server on a free port of loopback.
 *  @param settings its environment variables, beside the usual */
export async function emulator(bin: string, settings: Readonly<Record<string, string>> = {}): Promise<Emulator> {
  const server = spawn(join(bin, 'python'), ['-c', SERVER], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PYTHONUNBUFFERED: '1', ...NOBODY, ...settings },
  })
  let said = ''
  const ended = new Promise<void>(resolve => server.once('close', () => resolve()))
  const endpoint = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      server.kill('SIGKILL')
      reject(new Error(`moto did not start:\n${said}`))
    }, START_MS)
    const listen = (chunk: Buffer): void => {
      said += chunk.toString()
      const found = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1]
      if (found === undefined) return
      clearTimeout(timer)
      resolve(found)
    }
    server.stdout.on('data', listen)
    server.stderr.on('data', listen)
    server.once('error', reject)
    server.once('close', () => reject(new Error(`moto ended:\n${said}`)))
  })
  return {
    endpoint,
    async reset() {
      const answer = await fetch(`${endpoint}/moto-api/reset`, { method: 'POST' })
      if (!answer.ok) throw new Error(`moto could not be reset: ${answer.status}`)
    },
    async stop() {
      server.kill('SIGTERM')
      const timer = setTimeout(() => server.kill('SIGKILL'), 5_000)
      await ended
      clearTimeout(timer)
    },
  }
}

/** Nothing of this user's account is ever asked: no profile, keys that mean nothing, a metadata service that answers nobody. */
export const NOBODY = {
  AWS_ACCESS_KEY_ID: 'nobody',
  AWS_SECRET_ACCESS_KEY: 'nobody',
  AWS_REGION: 'eu-west-1',
  AWS_DEFAULT_REGION: 'eu-west-1',
  AWS_CONFIG_FILE: '/nonexistent/config',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
  AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9',
} as const
