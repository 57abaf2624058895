import t, { type Test } from 'tap'
import { claims, type Claims } from '../../../src/clouds/aws/claims.ts'
import type { Failure } from '../../../src/core/failure.ts'
import { settle } from '../../../src/engine/settle.ts'
import { systemClock } from '../../../src/machine/clock.ts'
import { address, type AddressProps } from '../../../src/resources/address.ts'
import { surroundings } from '../../conformance/settles.ts'
import { addressHost } from '../../support/aws-addresses.ts'
import { dynamoDb, makeTable, patient, tableAt } from '../../support/dynamodb.ts'
import { ec2Server } from '../../support/ec2-server.ts'
import { hooksServer, type HooksServer } from '../../support/hooks-server.ts'
import { testMachine } from '../../support/machine.ts'

const { signal } = new AbortController()
// Each is mostly waiting.
t.jobs = 2

t.test('200 times two instances want one address, and EC2 tells both that it is theirs: one run has it', async t => {
  const table = tableAt(t, await dynamoDb(t))
  await makeTable(table, signal)
  await races(t, claims(table), await hooksServer(t))
})

t.test('without a registry, too, never two runs report success', async t => races(t, undefined, await hooksServer(t)))

/** EC2 tells, and judges by, what was so a fifth of a second ago. */
async function races(t: Test, registry: Claims | undefined, scaling: HooksServer): Promise<void> {
  const rounds = Array.from({ length: 200 }, (_none, index) => `eipalloc-${registry ? 'r' : 'n'}${index}`)
  const server = await ec2Server(t, {
    addresses: rounds.map((allocationId, index) => ({ allocationId, publicIp: `198.51.100.${index}` })),
    instances: rounds.flatMap(round => [{ id: `i-a-${round}` }, { id: `i-b-${round}` }]),
  })
  server.associateLagMs = 200
  server.describeLagMs = 200
  const machine = testMachine(t, {})
  const ports = await Promise.all(['a', 'b'].map(side => addressHost(t, server, { scaling, ...(registry && { claims: registry }), bootId: `1700000000000-${side}`, clock: registry ? patient(systemClock) : systemClock })))
  const run = async (side: 0 | 1, allocation: string): Promise<Outcome> => {
    const props: AddressProps = { addresses: (ports[side] as (typeof ports)[0]).addresses, instanceId: `i-${'ab'[side]}-${allocation}`, allocation, tries: 1 }
    const { outcome, failure } = await settle(address(props), surroundings(machine, []))
    return { outcome, code: failure?.code }
  }
  // One pair a moment: all at once, the two of a pair would not come within a fifth of a second. The second comes up to 190 ms
  // later: the first has its answer by then, and believes what it reads for a while.
  const results = await Promise.all(
    rounds.map(async (round, index) => {
      await systemClock.sleep(index * 20, signal)
      return [round, ...(await Promise.all([run(0, round), systemClock.sleep(index % 190, signal).then(() => run(1, round))]))] as const
    }),
  )
  for (const [round, a, b] of results) {
    const winners = [a, b].flatMap((one, index) => (one.outcome === 'changed' ? [`i-${'ab'[index]}-${round}`] : []))
    if (winners.length !== 1 || server.holder(round) !== winners[0]) t.fail(`${round}: ${JSON.stringify([a, b])}, held by ${server.holder(round)}`)
  }
  const losers = results.flatMap(([, a, b]) => [a, b]).filter(one => one.outcome !== 'changed')
  t.ok(losers.every(one => one.code === 'address.held' || one.code === 'address.lost'), 'the other says why not')
  const both = rounds.filter(round => server.associations.filter(one => one.allocationId === round).length > 1).length
  if (registry) t.equal(both, 0, 'with claims EC2 is never asked by two')
  else t.ok(both > 0, `EC2 told two of ${both} addresses that they were theirs`)
}

interface Outcome {
  readonly outcome: string
  readonly code: Failure['code'] | undefined
}
