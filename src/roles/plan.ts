import { join } from 'node:path'
import { failureOf } from '../core/faults.ts'
import type { Instance } from '../core/instance.ts'
import type { RecipeInput, RoleFacts } from '../core/recipe.ts'
import type { Role } from '../core/role.ts'
import { assets, type Assets } from './assets.ts'
import { bounded } from './bounded.ts'
import { callRecipe, limitOf, stuckRecipe, type Planning } from './call.ts'
import { addressFaults } from './one-address.ts'
import { intrusions } from './own-places.ts'
import type { PlannedResource, PlannedStep } from './planned.ts'
import type { Step } from './steps.ts'
import { tracked } from './tracked.ts'

/** Asks every recipe for its resources, in the order of the run list; for `departed`, in reverse.
 *  @throws Failure of a resource or template, with the entry's place; `recipe.threw`, `recipe.invalid`, `recipe.stuck` */
export function planResources(planning: Planning): readonly PlannedResource[] {
  return planSteps(planning).flatMap(step => step.resources)
}

/** As planResources, by step: a recipe that asks for nothing may have read the instance to decide so. */
export function planSteps(planning: Planning): readonly PlannedStep[] {
  const chosen = planning.steps.filter(step => planning.phase === undefined || step.phase === planning.phase)
  const ordered = planning.which === 'departed' ? chosen.toReversed() : chosen
  const result = planEach(ordered, planning)
  const faults = [...intrusions(result, planning), ...(planning.which === 'departed' ? [] : addressFaults(result))]
  if (faults.length > 0) throw failureOf(faults)
  return result
}

/** Asks each of the steps. A guard against recipes that loop costs a thread: one for all, and none where all come with the program.
 *  @throws as planResources */
export function planEach(steps: readonly Step[], planning: Planning, find: Assets = assets(planning.source)): readonly PlannedStep[] {
  if (steps.every(step => step.recipe.path === undefined)) return steps.map(step => planStep(step, planning, find))
  const result: PlannedStep[] = []
  const ended = bounded(limitOf(planning), () => {
    for (const step of steps) result.push(planStep(step, planning, find))
  })
  if (ended.stuck) throw stuckRecipe(steps[result.length] as Step, planning)
  return result
}

function planStep(step: Step, planning: Planning, find: Assets): PlannedStep {
  const { entry, recipe, phase } = step
  const reads = new Set<keyof Instance>()
  const origin = `recipe ${recipe.name} (${entry.place.file}:${entry.place.line})`
  const resources = callRecipe(step, planning, inputOf(step, planning, find, reads)).map(resource => ({ resource, origin, phase, recipe: recipe.name, reads }))
  return { step, resources, reads }
}

/** What a recipe is given. @param reads is told which keys of the instance it reads */
export function inputOf({ params, recipe }: Step, planning: Omit<Planning, 'which'>, find: Assets, reads: Set<keyof Instance>): RecipeInput {
  return {
    params,
    instance: tracked(planning.instance, reads),
    host: planning.host,
    role: roleFacts(planning.role, planning.run),
    cloud: planning.cloud,
    asset: find(recipe),
    bootId: planning.bootId,
  }
}

export function roleFacts(role: Role, run: string): RoleFacts {
  return { name: role.name, health: { file: role.health.file, directory: join(run, 'health') } }
}
