// The program as it is bundled: the command line, what recipes import, and by which they do.
export { main } from './cli/main.ts'
export { installHooks } from './roles/hooks.ts'
export * as sunup from './index.ts'
