import type { Instance } from '../core/instance.ts'
import type { Phase } from '../core/recipe.ts'
import type { Resource } from '../core/resource.ts'
import type { Step } from './steps.ts'

/** What one step of a run list asks for. */
export interface PlannedStep {
  readonly step: Step
  readonly resources: readonly PlannedResource[]
  /** The keys of the instance that its recipe read; grows when its resources read more, later. */
  readonly reads: ReadonlySet<keyof Instance>
}

export interface PlannedResource {
  readonly resource: Resource
  /** For complaints, e.g. 'recipe nginx (roles/web.yaml:7)'. */
  readonly origin: string
  readonly phase: Phase
  readonly recipe: string
  readonly reads: ReadonlySet<keyof Instance>
}
