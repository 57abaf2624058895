import { EVERYWHERE, optionsOf, type Called, type Option, type Verb } from './verbs.ts'

/** Reads a command line that says nothing but a command and options, each with its whole name and a value that can't be mistaken: what init
 *  systems write. Loading the library that reads all others, and tells what is wrong with them, would be a twentieth of a settled boot.
 *  @returns undefined for any other line, right or wrong */
export function plainLine(argv: readonly string[], verbs: readonly Verb[]): Called | undefined {
  const verb = verbs.find(({ name }) => name === argv.find((word, index) => !word.startsWith('-') && !takesNext(argv[index - 1])))
  if (verb === undefined || verb.arguments) return undefined
  const options = optionsOf(verb)
  const own: Record<string, string | true> = {}
  let named = false
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] as string
    if (word === verb.name && !named) {
      named = true
      continue
    }
    // A command's own options come after its name.
    const option = options.find(({ flags }) => flags.split(' ')[0] === word)
    if (option === undefined || (!named && !EVERYWHERE.some(({ flags }) => flags === option.flags))) return undefined
    const key = word.slice('--'.length)
    // More than one word, or a name of two.
    if (key.includes('-') || option.flags.includes('...')) return undefined
    if (!hasValue(option)) own[key] = true
    else {
      const value = argv[++at]
      if (value === undefined || value === '' || value.startsWith('-') || (option.values && !option.values.includes(value))) return undefined
      own[key] = value
    }
  }
  return { verb, asked: { ...own, arguments: [] } }
}

function hasValue({ flags }: Option): boolean {
  return flags.includes(' ')
}

function takesNext(word: string | undefined): boolean {
  return EVERYWHERE.some(option => hasValue(option) && option.flags.split(' ')[0] === word)
}
