import type { Cloud } from '../core/cloud.ts'
import { Failure } from '../core/failure.ts'
import { failureAt } from '../core/faults.ts'
import type { Host, Instance } from '../core/instance.ts'
import type { Machine } from '../core/machine.ts'
import type { Health, Role } from '../core/role.ts'
import { isSecret, type Secret } from '../core/secret.ts'
import { order } from '../engine/order.ts'
import { hostFacts } from '../machine/host.ts'
import { render } from '../resources/mustache.ts'
import type { Planning } from '../roles/call.ts'
import { pickRole, type Picked } from '../roles/match.ts'
import { planSteps } from '../roles/plan.ts'
import type { PlannedResource } from '../roles/planned.ts'
import { recipeBook } from '../roles/recipes.ts'
import { loadRole } from '../roles/role.ts'
import { secretReader } from '../roles/secrets.ts'
import { loadRunList } from '../roles/steps.ts'
import { namingLeft } from './image/left-to-boot.ts'
import type { Repository } from './source/repository.ts'
import type { Settings } from './settings.ts'

/** What a run needs to know before it begins. */
export interface OutsetNeeds {
  readonly repository: Repository
  readonly settings: Settings
  readonly cloud: Cloud
  readonly machine: Machine
  readonly instance: Instance
  readonly bootId: string
  /** The run's id, which the health file may name. */
  readonly run: string
  readonly signal: AbortSignal
}

/** Everything that is decided before the first check: whatever is wrong in what the user wrote has been found by then. */
export interface Outset extends OutsetNeeds {
  readonly role: Role
  readonly host: Host
  /** All resources in order, as the recipes want them at the outset. */
  readonly planned: readonly PlannedResource[]
  readonly healthContent: string
  /** Asks the recipes of one phase again, with an identity read anew. */
  replan(instance: Instance): readonly PlannedResource[]
}

/** The role of this instance, by its security groups or by --role. */
export function chooseRole({ directory, role }: Repository, { securityGroups }: Instance): Picked {
  return role === undefined ? pickRole(directory, securityGroups) : { role: loadRole(directory, role), candidates: [role] }
}

/** Loads the role's recipes, reads its secrets, and asks every recipe once.
 *  @throws Failure of anything that is wrong in the repository (78), or of a secret that can't be had */
export async function outset(role: Role, needs: OutsetNeeds): Promise<Outset> {
  const { repository, settings, cloud, machine, instance, bootId, signal } = needs
  const { directory } = repository
  const steps = await loadRunList(role, recipeBook(directory, repository.builtIn), secretReader(cloud.secrets, signal))
  const host = hostFacts(machine)
  const plan = (of: Instance) => {
    const planning: Planning = { steps, role, source: directory, run: settings.run, state: settings.state, instance: of, host, cloud, bootId, which: 'resources' }
    return { planned: order(namingLeft(planSteps(planning))), healthContent: healthContent(role, of, needs.run) }
  }
  return { ...needs, role, host, ...(await withTags(plan, instance, cloud, signal)), replan: anew => plan(anew).planned }
}

/** Tags that the metadata service does not list are asked for when somebody reads one: an API call that most roles need not make. */
async function withTags<T>(plan: (instance: Instance) => T, instance: Instance, { metadata }: Cloud, signal: AbortSignal): Promise<T> {
  try {
    return plan(instance)
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'instance.tags' && metadata.learnTags)) throw error
    await metadata.learnTags(signal)
    return plan(await metadata.identity(signal))
  }
}

/** What the health file will say.
 *  @throws Failure of its template, where that was written; `role.invalid` */
export function healthContent({ name, health }: Role, instance: Instance, run: string): string {
  const content = rendered(health, { instance, run: { id: run }, role: { name } })
  if (isSecret(content)) throw failureAt({ place: health.placeOf(1), message: 'health.content must hold no secret', code: 'role.invalid' })
  return content
}

function rendered(health: Health, vars: Readonly<Record<string, unknown>>): string | Secret {
  try {
    return render({ name: 'health.content', text: () => health.content }, vars)
  } catch (error) {
    const [, line, what] = (error instanceof Failure && /^health\.content(?::(\d+))?: (.*)$/s.exec(error.message)) || []
    if (!(error instanceof Failure) || what === undefined) throw error
    throw failureAt({ place: health.placeOf(Number(line ?? 1)), message: `health.content: ${what}`, hint: error.hint, code: error.code }, error)
  }
}
