import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'

export interface Look {
  readonly dark?: boolean
  readonly width?: number
  /** As it would be printed. */
  readonly print?: boolean
}

export interface Page {
  /** What an expression gives, for which the page itself may run no script. */
  evaluate(expression: string): Promise<unknown>
  press(key: 'Tab' | 'Enter'): Promise<void>
  screenshot(): Promise<Buffer>
  pdf(): Promise<Buffer>
  /** URLs that were asked for since, the page's own first. */
  readonly requested: readonly string[]
  /** What the browser complained of. */
  readonly complaints: readonly string[]
}

export interface Browser {
  open(html: string, look?: Look): Promise<Page>
}

type Params = Readonly<Record<string, unknown>>
type Message = { readonly id?: number; readonly sessionId?: string; readonly method?: string; readonly params?: Params; readonly result?: Params; readonly error?: { readonly message: string } }

/** A headless Chromium without scripts, driven through a pipe by its DevTools protocol. It ends with the test.
 *  @param program default: Debian's */
export function browser(t: Test, program = '/usr/bin/chromium'): Browser {
  const home = mkdtempSync(join(tmpdir(), 'sunup-chromium-'))
  const child = spawn(program, ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--no-first-run', '--remote-debugging-pipe', `--user-data-dir=${home}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    env: { PATH: '/usr/bin:/bin', HOME: home, LANG: 'C.UTF-8' },
  })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const { send, listen } = protocol(child.stdio[3] as Writable, child.stdio[4] as Readable)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  })
  let pages = 0
  return {
    async open(html, { dark = false, width = 1_240, print = false } = {}) {
      const file = join(home, `page-${pages++}.html`)
      writeFileSync(file, html)
      const { targetId } = await send('Target.createTarget', { url: 'about:blank' })
      const { sessionId } = (await send('Target.attachToTarget', { targetId, flatten: true })) as { sessionId: string }
      const tell = (method: string, params: Params = {}): Promise<Params> => send(method, params, sessionId)
      const requested: string[] = []
      const complaints: string[] = []
      const loaded = new Promise<void>(resolve =>
        listen(sessionId, (method, params) => {
          if (method === 'Network.requestWillBeSent') requested.push((params.request as { url: string }).url)
          if (method === 'Log.entryAdded') complaints.push((params.entry as { text: string }).text)
          if (method === 'Page.loadEventFired') resolve()
        }),
      )
      for (const domain of ['Page', 'Network', 'Log', 'Runtime', 'DOM']) await tell(`${domain}.enable`)
      await tell('Emulation.setScriptExecutionDisabled', { value: true })
      await tell('Emulation.setEmulatedMedia', { media: print ? 'print' : 'screen', features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] })
      await tell('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: false })
      await tell('Page.navigate', { url: pathToFileURL(file).href })
      await loaded
      return {
        requested,
        complaints,
        async evaluate(expression) {
          const { result, exceptionDetails } = await tell('Runtime.evaluate', { expression, returnByValue: true })
          if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails))
          return (result as { value: unknown }).value
        },
        async press(key) {
          const windowsVirtualKeyCode = key === 'Tab' ? 9 : 13
          await tell('Input.dispatchKeyEvent', { type: 'keyDown', key, code: key, windowsVirtualKeyCode, ...(key === 'Enter' && { text: '\r' }) })
          await tell('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key, windowsVirtualKeyCode })
        },
        async screenshot() {
          const { cssContentSize } = (await tell('Page.getLayoutMetrics')) as { cssContentSize: { width: number; height: number } }
          const { data } = await tell('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true, clip: { x: 0, y: 0, width, height: Math.min(cssContentSize.height, 8_000), scale: 1 } })
          return Buffer.from(data as string, 'base64')
        },
        async pdf() {
          const { data } = await tell('Page.printToPDF', { printBackground: true })
          return Buffer.from(data as string, 'base64')
        },
      }
    },
  }
}

/** Messages are JSON, each ended by a zero byte. */
function protocol(input: Writable, output: Readable) {
  const waiting = new Map<number, { resolve(result: Params): void; reject(error: Error): void }>()
  const listeners = new Map<string, (method: string, params: Params) => void>()
  let last = 0
  let rest = ''
  output.setEncoding('utf8').on('data', (text: string) => {
    const messages = (rest + text).split('\0')
    rest = messages.pop() ?? ''
    for (const one of messages) take(JSON.parse(one) as Message)
  })
  output.on('close', () => waiting.forEach(({ reject }) => reject(new Error('the browser has ended'))))
  input.on('error', () => undefined)
  function take({ id, sessionId, method, params = {}, result = {}, error }: Message): void {
    if (id === undefined) return void listeners.get(sessionId ?? '')?.(method ?? '', params)
    const waiter = waiting.get(id)
    waiting.delete(id)
    if (error) waiter?.reject(new Error(error.message))
    else waiter?.resolve(result)
  }
  return {
    listen: (sessionId: string, listener: (method: string, params: Params) => void) => void listeners.set(sessionId, listener),
    send(method: string, params: Params = {}, sessionId?: string): Promise<Params> {
      const id = ++last
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        input.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`)
      })
    },
  }
}
