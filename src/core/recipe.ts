import type { z } from 'zod'
import type { Addresses, Registry } from './cloud.ts'
import type { Host, Instance } from './instance.ts'
import type { Plain } from './plain.ts'
import type { Resource } from './resource.ts'

/** prepare: nothing of this instance's identity, so it may be baked into an image. activate: address, registry. */
export type Phase = 'prepare' | 'activate'

/** A file that belongs to a recipe or to the source's templates/. */
export interface Asset {
  /** As it was asked for. */
  readonly name: string
  /** Absolute path on the host. */
  readonly path: string
  /** Read once, kept. @throws Failure `template.missing` */
  text(): string
}

/** Of the role, what a recipe may know. */
export interface RoleFacts {
  readonly name: string
  readonly health: {
    /** Below the health directory, e.g. 'ping.html'. */
    readonly file: string
    /** The directory that a web server serves it from, e.g. '/run/sunup/health'. */
    readonly directory: string
  }
}

/** The cloud, as values to pass on as props. A recipe itself does no IO. */
export interface RecipeCloud {
  readonly name: 'aws' | 'local'
  readonly addresses: Addresses
  readonly registry: Registry
}

export interface RecipeInput<Params = unknown> {
  readonly params: Params
  readonly instance: Instance
  readonly host: Host
  readonly role: RoleFacts
  readonly cloud: RecipeCloud
  /** A file of the recipe's folder, else of the source's templates/. @throws Failure `template.missing`, naming the nearest */
  asset(name: string): Asset
  /** This boot's own mark, the registry's `bootId`. */
  readonly bootId: string
}

/** One statement of an IAM policy, as its JSON has it. `sunup policy` prints it, with a Sid where it has none. */
export type PolicyStatement = Readonly<Record<string, Plain>>

/** Params in, resources out: it builds values and touches nothing. */
export interface Recipe<Schema extends z.ZodType = z.ZodType> {
  /** One sentence. */
  readonly description: string
  /** Default: prepare. */
  readonly phase?: Phase
  /** Default: no params. */
  readonly params?: Schema
  /** What the instances' policy must allow for what the recipe itself does in AWS: sunup's own calls, those for addresses, registration and secrets
   *  included, are known. What is an instance's own is `*` here. Default: none. */
  iam?(input: RecipeInput<z.output<Schema>>): readonly PolicyStatement[]
  /** What should be so while the instance serves, in order. */
  resources(input: RecipeInput<z.output<Schema>>): readonly Resource[]
  /** What should be so when it leaves. Default: nothing. */
  departed?(input: RecipeInput<z.output<Schema>>): readonly Resource[]
}

/** Declares a recipe: `export default recipe({ … })` in recipes/<name>/recipe.ts. */
export function recipe<Schema extends z.ZodType>(definition: Recipe<Schema>): Recipe<Schema> {
  return definition
}
