import type { Test } from 'tap'
import type { Failure } from '../../src/core/failure.ts'
import type { RanHere } from './boot-here.ts'
import type { Fleet, FleetInstance } from './aws-fleet.ts'

/** It serves: the file is there, the row says so, and the group was told to go on. */
export async function serves(t: Test, fleet: Fleet, web: FleetInstance, { exitCode, failure }: RanHere): Promise<void> {
  t.equal(exitCode, 0, failure?.message ?? 'the boot ended well')
  t.ok(web.isOpen(), 'the file is there')
  t.match((await fleet.rows()).find(row => row.instanceId === web.id), { state: 'in-service', publicIp: fleet.ec2.heldBy(web.id) })
  t.equal(web.groupState(), 'InService')
}

export interface Expected {
  readonly code: Failure['code']
  readonly message: RegExp
  readonly hint?: RegExp
  /** Default 1. */
  readonly exitCode?: number
  /** Default: it says `failed`, and why; undefined: there is none. */
  readonly row?: object | undefined
  /** Default: the launch was abandoned. */
  readonly group?: string
}

/** One clear error; no traffic, by file, row and group. */
export async function staysClosed(t: Test, fleet: Fleet, web: FleetInstance, { exitCode, failure }: RanHere, expected: Expected): Promise<void> {
  t.equal(failure?.code, expected.code, failure?.message ?? 'it did not fail')
  t.match(failure?.message, expected.message)
  if (expected.hint) t.match(failure?.hint, expected.hint)
  t.equal(exitCode, expected.exitCode ?? 1)
  t.notOk(web.isOpen(), 'there is no file')
  // Without a table there are no rows.
  const rows = await fleet.rows().catch((error: Failure) => (error.code === 'cloud.invalid' ? [] : Promise.reject(error)))
  const row = rows.find(one => one.instanceId === web.id)
  if ('row' in expected && expected.row === undefined) t.equal(row, undefined, 'there is no row')
  else t.match(row, expected.row ?? { state: 'failed', failure: expected.message })
  t.equal(web.groupState(), expected.group ?? 'Terminating:Proceed', 'the group knows')
}
