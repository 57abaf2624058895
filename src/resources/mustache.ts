import mustache from 'mustache'
import { Failure, messageOf } from '../core/failure.ts'
import { didYouMean } from '../core/nearest.ts'
import { isSecret, makeSecret, reveal, type Secret } from '../core/secret.ts'
import { find, frame, type Frame, type Missing } from './names.ts'

/** A template's text, and its name for complaints. An Asset is one. */
export interface Source {
  readonly name: string
  text(): string
}

/** Renders a mustache template strictly, and as it stands: nothing is escaped. mustache itself renders what is missing as nothing, and can't
 *  tell null from missing. Here a name that is missing is refused wherever it is rendered, null where its text is wanted (in sections it
 *  counts as false), and functions, objects and lists have no text. A partial that is missing is refused also where it is not rendered.
 *  @returns a Secret when any value that was looked at is one
 *  @throws Failure `template.name`, `template.missing` (a partial), `template.invalid`, each with the template's name and line */
export function render(source: Source, vars: Readonly<Record<string, unknown>>, partials: Readonly<Record<string, Source>> = {}): string | Secret {
  const work: Work = { partials, secret: false, made: 0 }
  const place: Place = { name: source.name, text: source.text(), depth: 0, work }
  try {
    const text = writer.renderTokens(tokensOf(place), frame(vars, undefined, place))
    return work.secret ? makeSecret(text) : text
  } catch (error) {
    if (error instanceof RangeError) throw new Failure('template.invalid', `${source.name}: nested too deeply to be rendered`, { cause: error })
    throw error
  }
}

/** One rendering. */
interface Work {
  readonly partials: Readonly<Record<string, Source>>
  secret: boolean
  /** Characters so far; of each round of a section one more. */
  made: number
}

/** The template that is being rendered: the source itself, or a partial. */
interface Place {
  readonly name: string
  readonly text: string
  /** How many partials lie around it. */
  readonly depth: number
  readonly work: Work
}

type Context = Frame<Place>

/** As mustache parses them: the type, the name, start and end in the text; then, of a section, what is in it; of a partial, the
 *  indentation before it, its index among the tags of its line, and whether text stands before it there. */
type Token = readonly [type: string, name: string, start: number, end: number, inside: readonly Token[] | string, index: number, afterText: boolean]

/** Partials may take in themselves, as trees do; past this depth they never end. */
const DEEPEST = 100

/** Lists in lists multiply: more than this nobody meant. */
const MOST_MADE = 16 * 1024 * 1024

/** mustache's own, with strict answers in the places where it asks for values. Its cache keeps what was parsed. */
const writer = Object.assign(new mustache.Writer(), {
  renderTokens: all,
}) as unknown as Omit<mustache.Writer, 'renderTokens'> & { renderTokens(tokens: readonly Token[], context: Context): string }

/** In one function: an error's stack has room for few, and the recipe's line is to be among them. */
function all(tokens: readonly Token[], context: Context): string {
  let made = ''
  for (const token of tokens) {
    const [kind] = token
    if (kind === '#') made += section(token, context)
    else if (kind === '^') made += inverted(token, context)
    else if (kind === '>') made += partial(token, context)
    else if (kind === '&' || kind === 'name' || kind === 'text') {
      const part = kind === 'text' ? token[1] : text(token, context)
      count(part.length, token, context)
      made += part
    }
  }
  return made
}

function count(made: number, token: Token, context: Context): void {
  const { work } = context.place
  work.made += made
  if (work.made > MOST_MADE) throw refusal(token, context, `more than ${MOST_MADE / 1_048_576} MB would be made of it`, 'Lists in lists multiply.', 'template.invalid')
}

function text(token: Token, context: Context): string {
  const value = valueOf(token, context)
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value)
    default:
      throw textless(token, context, value)
  }
}

function textless(token: Token, context: Context, value: unknown): Failure {
  const name = token[1]
  if (value === null) return refusal(token, context, `"${name}" is null, which has no text`, `Write {{#${name}}}…{{/${name}}} around what may be absent.`)
  return refusal(token, context, `"${name}" is ${Array.isArray(value) ? 'a list' : 'an object'}, which has no text`)
}

function section(token: Token, context: Context): string {
  const value = valueOf(token, context)
  const inside = token[4] as readonly Token[]
  if (!value) return ''
  if (Array.isArray(value)) return value.map(item => (count(ROUND, token, context), writer.renderTokens(inside, context.push(item)))).join('')
  return writer.renderTokens(inside, value === true ? context : context.push(value))
}

/** An empty round takes time, too. */
const ROUND = 8

function inverted(token: Token, context: Context): string {
  const value = valueOf(token, context)
  return !value || (Array.isArray(value) && value.length === 0) ? writer.renderTokens(token[4] as readonly Token[], context) : ''
}

function partial(token: Token, context: Context): string {
  const { work, depth } = context.place
  const [, name, , , indentation, index, afterText] = token
  if (depth >= DEEPEST) throw refusal(token, context, `the partial "${name}" takes itself in without end`, undefined, 'template.invalid')
  const source = work.partials[name] as Source
  const plain = source.text()
  const indented = index === 0 && indentation !== '' ? writer.indentPartial(plain, indentation as string, afterText) : plain
  const place: Place = { name: source.name, text: indented, depth: depth + 1, work }
  return writer.renderTokens(tokensOf(place), context.within(place))
}

function valueOf(token: Token, context: Context): unknown {
  const value = find(context, token[1], (missing: Missing) => {
    throw refusal(token, context, missing.text, didYouMean(token[1], missing.candidates))
  })
  if (typeof value === 'function') throw refusal(token, context, `"${token[1]}" is a function, and templates call none`)
  if (!isSecret(value)) return value
  context.place.work.secret = true
  return reveal(value)
}

function tokensOf(place: Place): readonly Token[] {
  let tokens: readonly Token[]
  try {
    tokens = writer.parse(place.text) as readonly Token[]
  } catch (error) {
    throw syntaxFault(place, error)
  }
  const missing = partialsIn(tokens).find(token => !Object.hasOwn(place.work.partials, token[1]))
  if (missing) {
    throw new Failure('template.missing', `${placeOf(place, missing[2])}: there is no partial "${missing[1]}"`, {
      hint: didYouMean(missing[1], Object.keys(place.work.partials)) ?? 'Give it to the template: `partials: { name: asset(…) }`.',
    })
  }
  return tokens
}

function partialsIn(tokens: readonly Token[]): readonly Token[] {
  let found: readonly Token[] = NONE
  for (const token of tokens) {
    if (token[0] === '>') found = [...found, token]
    else if (token[0] === '#' || token[0] === '^') {
      const inner = partialsIn(token[4] as readonly Token[])
      if (inner.length > 0) found = [...found, ...inner]
    }
  }
  return found
}

const NONE: readonly Token[] = []

/** mustache ends its complaints with ' at <index>'; of what is never closed the beginning says more than the end of the text. */
function syntaxFault(place: Place, error: unknown): Failure {
  const [, what, at] = /^(.*) at (\d+)$/s.exec(messageOf(error)) ?? []
  if (/^Invalid tags: /.test(messageOf(error))) {
    const bad = [...place.text.matchAll(/\{\{=([^]*?)=\}\}/g)].find(([, tags = '']) => tags.trim().split(/\s+/).length !== 2)
    return new Failure('template.invalid', `${placeOf(place, bad?.index ?? 0)}: two tags should stand between {{= and =}}, as in {{=<% %>=}}`, { cause: error })
  }
  if (what === undefined) return new Failure('template.invalid', `${place.name}: ${messageOf(error)}`, { cause: error })
  const unclosed = /^Unclosed section "(.*)"$/s.exec(what)?.[1]
  const openings = unclosed !== undefined ? [`#${unclosed}`, `^${unclosed}`] : what === 'Unclosed tag' ? ['{{'] : []
  const opened = Math.max(-1, ...openings.map(opening => place.text.lastIndexOf(opening, Number(at))))
  return new Failure('template.invalid', `${placeOf(place, opened < 0 ? Number(at) : opened)}: ${what.charAt(0).toLowerCase()}${what.slice(1)}`, { cause: error })
}

function refusal(token: Token, context: Context, what: string, hint?: string, code: 'template.name' | 'template.invalid' = 'template.name'): Failure {
  return new Failure(code, `${placeOf(context.place, token[2])}: ${what}`, { hint })
}

/** name:line */
function placeOf({ name, text }: Place, index: number): string {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < index; at = text.indexOf('\n', at + 1)) line++
  return `${name}:${line}`
}
