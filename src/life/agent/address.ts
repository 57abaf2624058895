import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud, RowKey } from '../../core/cloud.ts'
import { errnoOf, Failure } from '../../core/failure.ts'
import { notedAddress } from '../noted-address.ts'

/** Looks whether an instance that serves still has the address that its gate was opened with. The metadata service is asked, which is the machine's own;
 *  where that says otherwise, or is behind, the cloud decides. Where neither answers nothing is lost.
 *  @throws Failure `address.lost`; of the metadata service or the cloud */
export async function lookAtAddress(run: string, self: Omit<RowKey, 'role'>, { metadata, addresses }: Pick<Cloud, 'metadata' | 'addresses'>, signal: AbortSignal): Promise<void> {
  // With the gate closed it is somebody's business to give it back.
  if (!isOpen(run)) return
  const noted = notedAddress(run, self.bootId)
  if (noted === undefined || (await metadata.publicIp(signal)) === noted.publicIp) return
  const { holder } = await addresses.byAllocation(noted.allocationId, signal)
  if (holder === self.instanceId) return
  throw new Failure('address.lost', `the address ${noted.publicIp} was taken from this instance: ${holder ?? 'nobody'} holds it`, {
    hint: 'Look for another instance with the same address in its role or tag, or for who moved it by hand.',
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
