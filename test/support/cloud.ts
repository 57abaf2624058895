import type { Test } from 'tap'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { localCloud } from '../../src/clouds/local/cloud.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { Cloud } from '../../src/core/cloud.ts'
import { systemClock } from '../../src/machine/clock.ts'
import { withLock } from '../../src/machine/lock.ts'
import { hostMachine } from '../../src/machine/machine.ts'
import type { TestMachine } from './machine.ts'

export const LEASE_MS = 90_000

export interface TestCloud extends Cloud {
  /** Its files. */
  readonly directory: string
  /** The same cloud, as another instance has it; its wall clock is the same. */
  as(instanceId: string): Cloud
  /** Moves its wall clock. */
  advance(ms: number): void
  /** A staging root at its files: `settles` compares them. */
  readonly machine: TestMachine
}

/** A local cloud below the test's own directory, for the instance i-1 of the security group web.
 *  @param addresses what addresses.yaml holds; without, there is no such file */
export function testCloud(t: Test, addresses?: readonly { allocationId: string; publicIp: string; tags?: Readonly<Record<string, string>> }[], directory = t.testdir({ cloud: {} })): TestCloud {
  const files = join(directory, 'cloud')
  if (addresses) writeFileSync(join(files, 'addresses.yaml'), JSON.stringify(addresses))
  let ahead = 0
  const startedAt = systemClock.now()
  // Time moves when the test says so.
  const clock: Clock = { ...systemClock, now: () => startedAt + ahead }
  const as = (instanceId: string): Cloud => {
    const instanceFile = join(directory, `${instanceId}.yaml`)
    writeFileSync(instanceFile, JSON.stringify({ id: instanceId, securityGroups: ['web'] }))
    return cloudIn(files, instanceFile, clock)
  }
  return { ...as('i-1'), directory: files, as, advance: ms => void (ahead += ms), machine: { ...hostMachine({ root: files }), dir: files } }
}

export function cloudIn(directory: string, instanceFile: string, clock: Clock = systemClock): Cloud {
  return localCloud({ instanceFile, directory, leaseMs: LEASE_MS, clock, exclusively: (file, signal, work) => withLock(file, 30_000, signal, work) })
}
