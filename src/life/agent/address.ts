import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Metadata } from '../../core/cloud.ts'
import { errnoOf, Failure } from '../../core/failure.ts'
import { notedAddress } from '../noted-address.ts'

/** Looks whether an instance that serves still has the address that its gate was opened with, by the metadata service alone: that is the machine's own,
 *  and answers when EC2's API does not.
 *  @throws Failure `address.lost`; of the metadata service */
export async function lookAtAddress(run: string, bootId: string, metadata: Metadata, signal: AbortSignal): Promise<void> {
  // With the gate closed it is somebody's business to give it back.
  if (!isOpen(run)) return
  const noted = notedAddress(run, bootId)
  if (noted === undefined) return
  const found = await metadata.publicIp(signal)
  if (found === noted) return
  throw new Failure('address.lost', `the address ${noted} was taken from this instance: ${found === null ? 'it has no public address' : `its public address is ${found}`}`, {
    hint: 'Look for who holds it: another instance with the same address in its role or tag, or somebody who moved it by hand.',
  })
}

function isOpen(run: string): boolean {
  try {
    return readdirSync(join(run, 'health')).length > 0
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}
