import type { PolicyStatement } from './recipe.ts'

/** What a role asks of its cloud, whichever instance has it: what the policy of its instances is made from. */
export interface Needs {
  readonly role: string
  /** The Auto Scaling group, where the role names it; undefined: whichever its instance is in. */
  readonly group: string | undefined
  /** Public addresses that it takes, and gives back. */
  readonly addresses: readonly AddressNeed[]
  /** It has rows in the registry: its members', claims of addresses, and how its revisions fared. */
  readonly registers: boolean
  /** It asks how its revisions fared before it takes one. */
  readonly asksHistory: boolean
  /** It reads tags of its instance. */
  readonly readsTags: boolean
  /** What its secrets stand behind in the parameter store, as written after `ssm:`. */
  readonly parameters: readonly string[]
  /** What its recipes say that they need beside. */
  readonly statements: readonly RecipeStatements[]
}

/** Which address: this one, one that carries these tags, or the one that a tag of the instance names. */
export type AddressNeed = { readonly allocation: string } | { readonly pool: Readonly<Record<string, string>> } | { readonly tagged: string }

export interface RecipeStatements {
  readonly recipe: string
  readonly statements: readonly PolicyStatement[]
}
