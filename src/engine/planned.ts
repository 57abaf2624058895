import type { Phase } from '../core/recipe.ts'
import type { Resource, ResourceId } from '../core/resource.ts'

/** A resource with where it comes from: for order and complaints. */
export interface Planned {
  readonly resource: Resource
  /** For complaints, e.g. 'recipe nginx (roles/web.yaml:7)'. */
  readonly origin: string
  readonly phase: Phase
  /** Why a bake would leave it to the boot; undefined: it would not. Asked only when it changed. */
  readonly whyLeft?: (() => string | undefined) | undefined
  /** In a plan: what has to happen before this can be known. */
  readonly unknownUntil?: ResourceId | undefined
}
