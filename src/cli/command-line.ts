import { Argument, Command as Commander, CommanderError, Option as CommanderOption } from 'commander'
import { exitCodeOf, Failure } from '../core/failure.ts'
import type { World } from './compose.ts'
import { EVERYWHERE, optionsOf, type Asked, type Called, type Option, type Verb } from './verbs.ts'

type Lines = Pick<World, 'argv' | 'version' | 'write' | 'writeError' | 'columns'>

/** Reads any command line; help, the version and what is wrong with it are written here.
 *  @returns what was called, or the exit code where that was all */
export async function commandLine(world: Lines, verbs: readonly Verb[]): Promise<Called | number> {
  let called: Called | undefined
  try {
    await describe(world, verbs, found => void (called = found)).parseAsync(world.argv, { from: 'user' })
    return called ?? 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodeOf(new Failure('usage', error.message))
    throw error
  }
}

function describe(world: Lines, verbs: readonly Verb[], call: (called: Called) => void): Commander {
  const program = new Commander('sunup')
    .description('Provisions an EC2 Auto Scaling instance at boot, and lets traffic in only as its very last step.')
    .version(world.version, '--version', 'print the version alone')
    .helpOption('--help', 'print this')
    .helpCommand(false)
    .exitOverride()
    .showSuggestionAfterError(true)
    .showHelpAfterError('(`sunup --help` lists the commands)')
    .configureOutput({ writeOut: world.write, writeErr: world.writeError, getOutHelpWidth: world.columns, getErrHelpWidth: world.columns })
  addOptions(program, EVERYWHERE.map(option => widened(option, verbs)))
  for (const verb of verbs) addVerb(program, verb, call)
  return program
}

function addVerb(program: Commander, verb: Verb, call: (called: Called) => void): void {
  const command = program.command(verb.name).description(verb.summary).allowExcessArguments(false)
  command.showHelpAfterError(`(\`sunup ${verb.name} --help\` says more)`)
  if (verb.more !== undefined) command.addHelpText('after', `\n${verb.more}`)
  for (const { name, summary, values } of verb.arguments ?? []) {
    const argument = new Argument(name, summary)
    command.addArgument(values ? argument.choices([...values]) : argument)
  }
  addOptions(command, optionsOf(verb))
  command.action(() => {
    const asked = { ...program.opts(), ...command.opts(), arguments: command.args } as Asked
    for (const { flags, values } of optionsOf(verb)) {
      const given = asked[flags.split(' ')[0]?.slice('--'.length) ?? '']
      if (values && typeof given === 'string' && !values.includes(given)) command.error(`error: option '${flags}' argument '${given}' is invalid. Allowed choices are ${values.join(', ')}.`)
    }
    call({ verb, asked })
  })
}

/** What one command takes more of than others is judged when it is known which was called. */
function widened(option: Option, verbs: readonly Verb[]): Option {
  const { flags, summary, values } = option
  if (!values || !verbs.some(verb => verb.options?.some(own => own.flags === flags))) return option
  return { flags, summary: `${summary} (${values.join(', ')}; some commands know more)` }
}

function addOptions(command: Commander, options: readonly Option[]): void {
  for (const { flags, summary, values } of options) {
    const option = new CommanderOption(flags, summary)
    if (values) option.choices([...values])
    command.addOption(option)
  }
}
