import { join } from 'node:path'
import type { Cloud } from '../../core/cloud.ts'
import type { Clock } from '../../core/clock.ts'
import { localAddresses } from './addresses.ts'
import type { Exclusively } from './files.ts'
import { localLifecycle } from './lifecycle.ts'
import { localMetadata } from './metadata.ts'
import { localRegistry } from './registry.ts'
import { localRevisions } from './revisions.ts'
import { localSecrets } from './secrets.ts'

export interface LocalCloudOptions {
  /** instance.yaml: who this machine is. */
  readonly instanceFile: string
  /** Where the cloud keeps its files; made by the first write. Shared by all who are in this cloud. */
  readonly directory: string
  /** How long a registry row is believed without being renewed, milliseconds. */
  readonly leaseMs: number
  readonly clock: Clock
  /** Does work while nobody else, in whatever process, does work under the same file. */
  exclusively<T>(file: string, signal: AbortSignal, work: () => Promise<T> | T): Promise<T>
}

/** A cloud of files, for a laptop, a Vagrant machine and tests: it keeps the promises of the real one among processes of one machine. */
export function localCloud({ instanceFile, directory, leaseMs, clock, exclusively: alone }: LocalCloudOptions): Cloud {
  // One lock for all of it: what is done under it takes a millisecond.
  const exclusively: Exclusively = (signal, work) => alone(join(directory, 'lock'), signal, work)
  const registry = localRegistry({ directory, leaseMs, clock, exclusively })
  const addresses = localAddresses({ directory, clock, exclusively, rowsOf: registry.rowsOf })
  return {
    name: 'local',
    metadata: localMetadata(instanceFile, addresses.publicIpOf),
    addresses,
    registry,
    revisions: localRevisions({ directory, exclusively }),
    lifecycle: localLifecycle({ directory, clock, exclusively }),
    secrets: localSecrets(directory),
  }
}
