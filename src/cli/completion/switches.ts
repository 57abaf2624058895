/** What a command line consists of, as the shells need it. The commands of verbs.ts are such. */
export interface Described {
  readonly name: string
  readonly summary: string
  readonly arguments?: readonly { readonly name: string; readonly values?: readonly string[] }[]
  readonly options?: readonly DescribedOption[]
}

export interface DescribedOption {
  /** As commander writes them: '--root <dir>', '-f, --format <format>', '--watch'. */
  readonly flags: string
  readonly summary: string
  readonly values?: readonly string[]
}

export interface Program {
  readonly name: string
  readonly commands: readonly Described[]
  /** Those that every command accepts, before or after its name. */
  readonly options: readonly DescribedOption[]
}

/** What may follow an option. */
export type Values = readonly string[] | 'files' | 'directories' | 'roles' | 'anything' | 'none'

export interface Switch {
  readonly names: readonly string[]
  readonly summary: string
  readonly values: Values
}

export const HELP: Switch = { names: ['--help'], summary: 'say what it does', values: 'none' }

/** What may follow is said by the option's list of values, else by the name of its argument. */
export function switchOf({ flags, summary, values }: DescribedOption): Switch {
  const names = flags.split(/[ ,]+/).filter(word => word.startsWith('-'))
  const argument = /[<[](\w+)/.exec(flags)?.[1]?.toLowerCase()
  return { names, summary, values: argument === undefined ? 'none' : (values ?? following(names, argument)) }
}

function following(names: readonly string[], argument: string): Values {
  if (names.includes('--role')) return 'roles'
  return argument === 'file' ? 'files' : argument === 'dir' ? 'directories' : 'anything'
}

/** A command's own options, and those that go everywhere; without a command, these alone. */
export function switchesOf(program: Program, command?: Described): Switch[] {
  const own = command?.options ?? []
  const everywhere = program.options.filter(({ flags }) => !own.some(one => one.flags === flags))
  return [...[...own, ...everywhere].map(switchOf), HELP]
}

/** Every option of the program that takes a value, with those that all commands know where it goes everywhere. */
export function withValues({ options, commands }: Program): Switch[] {
  const all = [...commands.flatMap(command => command.options ?? []), ...options].map(switchOf).filter(({ values }) => values !== 'none')
  return [...new Map(all.map(one => [one.names.join(), one])).values()]
}

/** What the command's first argument may be. */
export function wordsOf(command: Described): readonly string[] {
  return command.arguments?.[0]?.values ?? []
}

/** A word that bash and zsh take as it is. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
