import { quoted, switchesOf, wordsOf, type Described, type Program, type Switch, type Values } from './switches.ts'

export function zsh(program: Program): string {
  const { name } = program
  return `#compdef ${name}
# zsh completion for ${name}: source <(${name} completion zsh), or keep it as _${name} in a folder of $fpath
_${name}_roles() {
  local -a found
  local word previous config=. source=
  for word in \${(Q)\${(z)LBUFFER}}; do
    case $previous in
      --source) source=$word ;;
      --config) config=\${word:h} ;;
    esac
    case $word in
      --source=*) source=\${word#*=} ;;
      --config=*) config=\${\${word#*=}:h} ;;
    esac
    previous=$word
  done
  found=(\${~\${source:-$config}}/roles/*.yaml(N:t:r))
  compadd -a found
}
_${name}() {
  local context state line
  local -a commands
  typeset -A opt_args
  commands=(
${program.commands.map(command => `    ${quoted(`${command.name.replaceAll(':', '\\:')}:${command.summary}`)}`).join('\n')}
  )
  _arguments -C \\
${specs(switchesOf(program), name)}
    '1:command:->command' \\
    '*::argument:->arguments' && return
  case $state in
    command) _describe command commands ;;
    arguments)
      case $words[1] in
${program.commands.map(command => `        ${command.name}) _arguments \\\n${specs(switchesOf(program, command), name)}${argument(command)} ;;`).join('\n')}
      esac ;;
  esac
}
if [[ $funcstack[1] == _${name} ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`
}

function specs(switches: readonly Switch[], name: string): string {
  const each = switches.flatMap(one => one.names.map(flag => ({ flag, one })))
  return each.map(({ flag, one }, index) => `    ${quoted(spec(flag, one, name))}${index < each.length - 1 ? ' \\\n' : ' \\'}`).join('')
}

/** `--root=[summary]:what follows:how to complete it`. */
function spec(flag: string, { summary, values }: Switch, name: string): string {
  const said = `[${summary.replace(/[\\[\]:]/g, '\\$&')}]`
  return values === 'none' ? `${flag}${said}` : `${flag}=${said}:${flag.replace(/^-+/, '')}:${action(values, name)}`
}

function action(values: Values, name: string): string {
  if (values === 'files') return '_files'
  if (values === 'directories') return '_files -/'
  if (values === 'roles') return `_${name}_roles`
  return values === 'anything' || values === 'none' ? ' ' : `(${values.join(' ')})`
}

function argument(command: Described): string {
  const words = wordsOf(command)
  return `\n    ${quoted(words.length === 0 ? '*: : ' : `1:argument:(${words.join(' ')})`)}`
}
