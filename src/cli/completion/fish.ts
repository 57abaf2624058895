import { switchesOf, switchOf, wordsOf, type Program, type Switch, type Values } from './switches.ts'

export function fish(program: Program): string {
  const { name } = program
  const line = (words: readonly string[]): string => ['complete -c', name, ...words].join(' ')
  return `# fish completion for ${name}: ${name} completion fish | source
function __${name}_roles
  set -l source
  set -l config .
  set -l previous
  for word in (commandline -opc)
    switch "$previous"
      case --source
        set source $word
      case --config
        set config (dirname -- $word)
    end
    switch "$word"
      case '--source=*'
        set source (string replace -- --source= '' $word)
      case '--config=*'
        set config (dirname -- (string replace -- --config= '' $word))
    end
    set previous $word
  end
  set -q source[1]; or set source $config
  for role in (string replace -r '^~/' "$HOME/" -- $source)/roles/*.yaml
    string replace -r '^.*/(.*)\\.yaml$' '$1' -- $role
  end
end
${[
  line(['-f']),
  ...switchesOf(program).map(one => line(option(one, name))),
  ...program.commands.flatMap(command => {
    const within = ['-n', quoted(`__fish_seen_subcommand_from ${command.name}`)]
    const words = wordsOf(command)
    return [
      line(['-n __fish_use_subcommand', '-a', command.name, '-d', quoted(command.summary)]),
      ...(command.options ?? []).map(own => line([...within, ...option(switchOf(own), name)])),
      ...(words.length === 0 ? [] : [line([...within, '-a', quoted(words.join(' '))])]),
    ]
  }),
].join('\n')}
`
}

function option({ names, summary, values }: Switch, program: string): string[] {
  return [...names.map(name => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)), ...following(values, program), '-d', quoted(summary)]
}

function following(values: Values, name: string): string[] {
  if (values === 'none') return []
  if (values === 'files') return ['-r -F']
  if (values === 'directories') return ['-x -a', quoted('(__fish_complete_directories)')]
  if (values === 'roles') return ['-x -a', quoted(`(__${name}_roles)`)]
  return values === 'anything' ? ['-x'] : ['-x -a', quoted(values.join(' '))]
}

/** Within fish's single quotes a backslash escapes itself and the quote, and nothing else. */
function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`
}
