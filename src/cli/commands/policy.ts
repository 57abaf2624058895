import { needsOf } from '../../life/needs.ts'
import { hostFacts } from '../../machine/host.ts'
import { machineOf, settingsOf, withRepository } from '../place.ts'
import type { Command } from '../verbs.ts'

/** Asks nobody where it runs: region and account are those of the environment, else any. */
const policy: Command = async (asked, world) => {
  const settings = settingsOf(asked, world)
  const [{ regionIn }, { policyOf }] = await Promise.all([import('../../clouds/aws/conventions.ts'), import('../../clouds/aws/policy.ts')])
  const region = await regionIn(world.env)
  const { AWS_ACCOUNT_ID: account } = world.env
  const host = hostFacts(machineOf(asked, world))
  const needs = await withRepository(settings, asked, world, repository => needsOf({ repository, settings, host, region }))
  const made = policyOf(needs, { region, account: account || undefined, table: settings.registry.table })
  if (asked.terraform !== true) world.write(`${JSON.stringify(made, undefined, 2)}\n`)
  else {
    const { terraformOf } = await import('../../clouds/aws/policy-terraform.ts')
    world.write(terraformOf(made, asked.role === undefined ? 'sunup' : `sunup_${asked.role}`))
  }
  return 0
}

export default policy
