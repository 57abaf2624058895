import { bash } from './completion/bash.ts'
import { fish } from './completion/fish.ts'
import type { Program } from './completion/switches.ts'
import { zsh } from './completion/zsh.ts'

export type Shell = 'bash' | 'zsh' | 'fish'

const SCRIPTS: Readonly<Record<Shell, (program: Program) => string>> = { bash, zsh, fish }

/** A script that completes the program's commands, options and their values, without ever calling the program.
 *  Roles are those of `roles/` at --source, else beside --config, else in the current directory. */
export function completionScript(shell: Shell, program: Program): string {
  return SCRIPTS[shell](program)
}
