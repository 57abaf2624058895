import { registerHooks } from 'node:module'

const installed: { program?: string } = {}

/** Lets recipes of a provisioning repository be imported as they are: `import … from 'sunup'` is the running program, and .ts files are
 *  modules whatever the repository's package.json says. Node strips no types below node_modules: files there are left to Node.
 *  For the whole process, once.
 *  @param program the URL of the program's index module */
export function installHooks(program: string): void {
  if (installed.program === program) return
  const first = installed.program === undefined
  installed.program = program
  if (!first) return
  registerHooks({
    resolve(specifier, context, next) {
      return specifier === 'sunup' ? { url: installed.program as string, shortCircuit: true } : next(specifier, context)
    },
    load(url, context, next) {
      const format = formatOf(url)
      return format === undefined ? next(url, context) : next(url, { ...context, format })
    },
  })
  muteTypeStripping()
}

function formatOf(url: string): string | undefined {
  if (!url.startsWith('file:') || url.includes('/node_modules/')) return undefined
  if (url.endsWith('.ts')) return 'module-typescript'
  return /\/recipes\/[^/]+\/recipe\.js$/.test(url) ? 'module' : undefined
}

/** Node 22 calls type stripping experimental each time it starts: nothing that a user of sunup could act on. */
function muteTypeStripping(): void {
  const printers = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', warning => {
    if (warning.name === 'ExperimentalWarning' && /type.?script|type stripping|import.*require|require.*ES module/i.test(warning.message)) return
    for (const print of printers) print(warning)
  })
}
