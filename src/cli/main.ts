import { Command as Commander, CommanderError, Option as CommanderOption, Argument } from 'commander'
import { asFailure, exitCodeOf, Failure } from '../core/failure.ts'
import { compose, type World } from './compose.ts'
import { EVERYWHERE, VERBS, type Asked, type Option, type Verb } from './verbs.ts'

/** Reads the command line, runs the command, and gives its exit code. */
export async function main(): Promise<number> {
  const world = compose()
  let exitCode = 0
  const program = describe(world, code => void (exitCode = code))
  try {
    await program.parseAsync(world.argv, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodeOf(new Failure('usage', error.message))
    const failure = asFailure(error)
    const { showFailure } = await import('./errors.ts')
    world.writeError(showFailure(failure, { colour: world.errorColour, verbose: world.argv.includes('--verbose') }))
    return exitCodeOf(failure)
  }
}

function describe(world: World, ended: (exitCode: number) => void): Commander {
  const program = new Commander('sunup')
    .description('Provisions an EC2 Auto Scaling instance at boot, and lets traffic in only as its very last step.')
    .version(world.version, '--version', 'print the version alone')
    .helpOption('--help', 'print this')
    .helpCommand(false)
    .exitOverride()
    .showSuggestionAfterError(true)
    .showHelpAfterError('(`sunup --help` lists the commands)')
    .configureOutput({ writeOut: world.write, writeErr: world.writeError, getOutHelpWidth: world.columns, getErrHelpWidth: world.columns })
  addOptions(program, EVERYWHERE)
  const called = VERBS.filter(verb => world.argv.includes(verb.name))
  // Only what was called needs its options described; all of them are for --help and for suggestions.
  for (const verb of called.length === 1 ? called : VERBS) addVerb(program, verb, world, ended)
  return program
}

function addVerb(program: Commander, verb: Verb, world: World, ended: (exitCode: number) => void): void {
  const command = program.command(verb.name).description(verb.summary).allowExcessArguments(false)
  command.showHelpAfterError(`(\`sunup ${verb.name} --help\` says more)`)
  if (verb.more !== undefined) command.addHelpText('after', `\n${verb.more}`)
  for (const { name, summary, values } of verb.arguments ?? []) {
    const argument = new Argument(name, summary)
    command.addArgument(values ? argument.choices([...values]) : argument)
  }
  addOptions(command, verb.options ?? [])
  addOptions(command, EVERYWHERE)
  command.action(async () => {
    const asked = { ...program.opts(), ...command.opts(), arguments: command.args } as Asked
    const { default: act } = await verb.load()
    ended(await act(asked, world))
  })
}

function addOptions(command: Commander, options: readonly Option[]): void {
  for (const { flags, summary, values } of options) {
    const option = new CommanderOption(flags, summary)
    if (values) option.choices([...values])
    command.addOption(option)
  }
}
