import t from 'tap'
import { systemClock } from '../../../src/machine/clock.ts'
import { behavesAsFleet } from '../../conformance/cloud.ts'
import { dynamoDb, fleetAt, makeTable, tableAt } from '../../support/dynamodb.ts'

await behavesAsFleet(t, async (t, world) => {
  const endpoint = await dynamoDb(t)
  await makeTable(tableAt(t, endpoint), new AbortController().signal)
  let ahead = 0
  const startedAt = systemClock.now()
  const clock = { ...systemClock, now: () => startedAt + ahead }
  return { instances: Array.from({ length: world.instances }, (_none, index) => `i-${index + 1}`), as: () => fleetAt(t, endpoint, clock), advance: ms => void (ahead += ms) }
})
