import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const home = join(import.meta.dirname, '../..')

/** A fenced block of a page. */
export interface Block {
  /** e.g. 'yaml'; '' where none is said. */
  readonly language: string
  readonly text: string
  /** Where its fence begins, from 1. */
  readonly line: number
}

export interface Page {
  /** Relative to the project, e.g. 'docs/roles.md'. */
  readonly name: string
  readonly text: string
  readonly blocks: readonly Block[]
}

/** Everything that is written for readers. */
export function pages(): readonly Page[] {
  const below = (directory: string): string[] => readdirSync(join(home, directory)).filter(name => name.endsWith('.md')).sort().map(name => `${directory}/${name}`)
  return ['README.md', 'CHANGELOG.md', ...below('docs'), ...below('docs/decisions')].map(pageOf)
}

export function pageOf(name: string): Page {
  const text = readFileSync(join(home, name), 'utf8')
  const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(match => ({
    language: match[1] as string,
    text: match[2] as string,
    line: text.slice(0, match.index).split('\n').length,
  }))
  return { name, text, blocks }
}

/** The file that a block is, by the comment on its first line: `# roles/web.yaml`, `// recipes/app/recipe.ts`, `{{! templates/motd }}`. */
export function fileOf({ language, text }: Block): string | undefined {
  const first = text.slice(0, text.indexOf('\n'))
  const patterns: Readonly<Record<string, RegExp>> = { yaml: /^# ([\w./-]+\.yaml)$/, ts: /^\/\/ ([\w./-]+\.ts)$/, mustache: /^\{\{! ([\w./-]+) \}\}$/ }
  return patterns[language]?.exec(first)?.[1]
}

/** What stands below a heading that is the word, up to the next heading of its level. */
export function section({ name, text }: Page, word: string): string {
  const heading = new RegExp(`^(#+) \`?${word}\`?$`, 'm').exec(text)
  if (!heading) throw new Error(`${name} has no section ${word}`)
  const rest = text.slice(heading.index + heading[0].length)
  const end = new RegExp(`^#{1,${heading[1]?.length}} `, 'm').exec(rest)
  return end ? rest.slice(0, end.index) : rest
}

/** Whether the text names the word as code does. */
export function names(text: string, word: string): boolean {
  const escaped = word.replace(/[^\w]/g, '\\$&')
  return [...text.matchAll(/`([^`\n]+)`/g)].some(match => new RegExp(`(?<![\\w-])${escaped}(?![\\w-])`).test(match[1] as string))
}

/** As GitHub makes them. */
export function anchors({ text }: Page): readonly string[] {
  const prose = text.replace(/^```.*?^```$/gms, '')
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(match => (match[1] as string).toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'))
}
