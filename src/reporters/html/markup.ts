import { visible } from '../visible.ts'

/** Text that is HTML. Only `html` makes it, so nothing from outside gets into a page unescaped. */
export interface Markup {
  readonly html: string
}

type Piece = Markup | string | number | readonly Piece[]

/** Markup of a template: what stands in `${}` is text, in which neither a tag nor a control character has power, unless it is markup itself. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  return { html: strings.map((text, index) => (index === 0 ? text : rendered(pieces[index - 1] as Piece) + text)).join('') }
}

function rendered(piece: Piece): string {
  if (typeof piece === 'number') return String(piece)
  if (typeof piece === 'string') return escaped(piece)
  return 'html' in piece ? piece.html : piece.map(rendered).join('')
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '`': '&#96;' }

function escaped(text: string): string {
  return visible(text).replace(/[&<>"'`]/g, character => ENTITIES[character] as string)
}

/** For a style's length: a part of the whole, in percent. */
export function percent(part: number, whole: number): string {
  return `${whole > 0 ? Math.round(Math.min(1, Math.max(0, part / whole)) * 1e5) / 1e3 : 0}%`
}
