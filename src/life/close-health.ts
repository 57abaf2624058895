import { join } from 'node:path'
import type { Failure } from '../core/failure.ts'
import type { Machine } from '../core/machine.ts'
import { emptyHealth } from '../gate/health-file.ts'
import { DEFAULT_RUN } from './settings.ts'

/** Takes everything out of the health directory. Where the configuration can't be read, out of the default one's too: the line by which a broken file
 *  names another may be new, or torn.
 *  @param run `<run>` on the host
 *  @param fault why there is no configuration
 *  @returns whether there was anything
 *  @throws Failure `file.denied`, when both were tried */
export function closeHealth(machine: Machine, run: string, fault: Failure | undefined): boolean {
  let wasOpen = false
  try {
    wasOpen = emptyHealth(join(run, 'health'))
  } finally {
    if (fault) wasOpen = emptyHealth(join(machine.hostPath(DEFAULT_RUN), 'health')) || wasOpen
  }
  return wasOpen
}
