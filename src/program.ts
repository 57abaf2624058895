// The program as it is bundled: the command line, and what recipes import.
export { main } from './cli/main.ts'
export * as sunup from './index.ts'
