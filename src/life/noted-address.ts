import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, Failure, messageOf } from '../core/failure.ts'
import { isRecord } from '../core/plain.ts'
import { readRegularText, WRITTEN_BYTES } from '../core/regular-file.ts'
import type { TakenAddress } from '../resources/address.ts'

/** In `<run>`: the public address that a boot relied on when it opened the gate. */
const FILE = 'address'

/** For the agent. Written only where it is another than before.
 *  @param taken undefined: the role has none, and nothing is to be watched
 *  @throws Failure `file.denied`, `disk.full` */
export function noteAddress(run: string, bootId: string, taken: TakenAddress | undefined): void {
  const file = join(run, FILE)
  if (notedAddress(run, bootId)?.allocationId === taken?.allocationId) return
  try {
    if (taken === undefined) return rmSync(file, { force: true })
    const staged = `${file}.new`
    rmSync(staged, { force: true })
    writeFileSync(staged, `${JSON.stringify({ allocationId: taken.allocationId, publicIp: taken.publicIp, bootId })}\n`, { mode: 0o644, flag: 'wx' })
    renameSync(staged, file)
  } catch (error) {
    throw new Failure(errnoOf(error) === 'ENOSPC' ? 'disk.full' : 'file.denied', `which address is to be watched can't be written to ${file}: ${messageOf(error)}`, { cause: error })
  }
}

/** @returns undefined: none, or another boot's */
export function notedAddress(run: string, bootId: string): TakenAddress | undefined {
  try {
    const noted: unknown = JSON.parse(readRegularText(join(run, FILE), WRITTEN_BYTES))
    if (!isRecord(noted) || noted.bootId !== bootId || typeof noted.publicIp !== 'string' || typeof noted.allocationId !== 'string') return undefined
    return { allocationId: noted.allocationId, publicIp: noted.publicIp }
  } catch (error) {
    // Torn, or no file, is as good as none: the next boot writes it anew.
    if (error instanceof SyntaxError || errnoOf(error) === 'ENOENT' || (error instanceof Failure && error.code === 'file.kind')) return undefined
    throw new Failure('file.denied', `which address is to be watched can't be read: ${messageOf(error)}`, { cause: error })
  }
}
