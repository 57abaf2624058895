import { Failure } from '../../core/failure.ts'
import { needsOf } from '../../life/needs.ts'
import { hostFacts } from '../../machine/host.ts'
import { machineOf, settingsOf, withRepository } from '../place.ts'
import type { Command } from '../verbs.ts'

/** Asks nobody where it runs: region and account are those of the environment, else any. */
const policy: Command = async (asked, world) => {
  const settings = settingsOf(asked, world)
  const [{ regionIn }, { policyOf }] = await Promise.all([import('../../clouds/aws/conventions.ts'), import('../../clouds/aws/policy.ts')])
  const region = regionOf(await regionIn(world.env))
  const account = accountOf(world.env.AWS_ACCOUNT_ID)
  const host = hostFacts(machineOf(asked, world))
  const needs = await withRepository(settings, asked, world, repository => needsOf({ repository, settings, host, region }))
  const made = policyOf(needs, { region, account, table: settings.registry.table })
  if (asked.terraform !== true) world.write(`${JSON.stringify(made, undefined, 2)}\n`)
  else {
    const { terraformOf } = await import('../../clouds/aws/policy-terraform.ts')
    world.write(terraformOf(made, asked.role === undefined ? 'sunup' : `sunup_${asked.role}`))
  }
  return 0
}

/** It is put into ARNs as it is. */
function regionOf(named: string | undefined): string | undefined {
  if (named === undefined || /^[a-z0-9]+(?:-[a-z0-9]+)+$/i.test(named)) return named
  throw new Failure('usage', `the region ${JSON.stringify(named)} is none`, { hint: 'A region is named like eu-west-1: by AWS_REGION, AWS_DEFAULT_REGION or the profile. Without one the policy is for any.' })
}

function accountOf(named: string | undefined): string | undefined {
  if (named === undefined || named === '') return undefined
  if (/^\d{12}$/.test(named)) return named
  throw new Failure('usage', `AWS_ACCOUNT_ID is to be 12 digits, and is ${JSON.stringify(named)}`, { hint: 'Without it the policy is for any account.' })
}

export default policy
