import { quoted, switchesOf, switchOf, withValues, wordsOf, type Described, type Program, type Switch, type Values } from './switches.ts'

/** Runs on bash 3.2 as well, which macOS has. Names of files and roles are never expanded: `compgen -W` would run a `$(…)` in them. */
export function bash(program: Program): string {
  const { name } = program
  const valued = withValues(program)
  return `# bash completion for ${name}: source <(${name} completion bash)
_${name}_reply() {
  local line
  while IFS= read -r line; do COMPREPLY+=("$line"); done
}
_${name}_place() {
  local i value config=. source=
  for ((i = 1; i < \${#COMP_WORDS[@]}; i++)); do
    value=\${COMP_WORDS[i+1]}
    if [[ $value == = ]]; then value=\${COMP_WORDS[i+2]}; fi
    if [[ $value == '~/'* ]]; then value=$HOME/\${value:2}; fi
    case \${COMP_WORDS[i]} in
      --source) source=$value ;;
      --config) if [[ $value == */* ]]; then config=\${value%/*}; else config=.; fi ;;
    esac
  done
  place=\${source:-$config}
}
_${name}_roles() {
  local role place
  _${name}_place
  for role in "$place"/roles/*.yaml; do
    role=\${role##*/} role=\${role%.yaml}
    if [[ $role != '*' && $role == "$1"* ]]; then COMPREPLY+=("$role"); fi
  done
}
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= options= words= i
  COMPREPLY=()
  # bash takes --option=value apart at the sign
  if [[ $current == = ]]; then current=; elif [[ $previous == = ]]; then previous=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${valued.flatMap(one => one.names).join('|') || "''"}) if [[ \${COMP_WORDS[i+1]} == = ]]; then ((i += 2)); else ((i += 1)); fi ;;
      -*) ;;
      *) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case $command:$previous in
${[...knownToOne(program), ...valued.map(one => ({ command: '*', one }))].map(({ command, one }) => `    ${one.names.map(flag => `${command}:${flag}`).join('|')}) ${values(one.values, name)}; return ;;`).join('\n')}
  esac
  case $command in
${program.commands.map(command => `    ${command.name}) ${choices(switchesOf(program, command), wordsOf(command))} ;;`).join('\n')}
    '') ${choices(switchesOf(program), program.commands.map(nameOf))} ;;
  esac
  if [[ $current == -* ]]; then words=$options; fi
  _${name}_reply < <(compgen -W "$words" -- "$current")
}
complete -F _${name} ${name}
`
}

/** Options whose values are others for one command than for all. */
function knownToOne({ commands, options }: Program): { readonly command: string; readonly one: Switch }[] {
  return commands.flatMap(({ name, options: own = [] }) => own.filter(one => options.some(({ flags }) => flags === one.flags)).map(one => ({ command: name, one: switchOf(one) })))
}

function nameOf({ name }: Described): string {
  return name
}

function choices(switches: readonly Switch[], words: readonly string[]): string {
  return `options=${quoted(switches.flatMap(one => one.names).join(' '))} words=${quoted(words.join(' '))}`
}

function values(of: Values, name: string): string {
  if (of === 'files') return `compopt -o filenames 2>/dev/null; _${name}_reply < <(compgen -f -- "$current")`
  if (of === 'directories') return `compopt -o filenames 2>/dev/null; _${name}_reply < <(compgen -d -- "$current")`
  if (of === 'roles') return `_${name}_roles "$current"`
  if (of === 'anything' || of === 'none') return ':'
  return `_${name}_reply < <(compgen -W ${quoted(of.join(' '))} -- "$current")`
}
