/** Control characters (C0, DEL, C1) obey whoever wrote the text; bidirectional controls and invisible characters lie about
 *  what is there (source: Unicode TR 36, "Trojan Source" CVE-2021-42574); a lone surrogate is no character.
 *  The joiners U+200C and U+200D stay: whole languages are written with them. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Cs}/gu
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Text from outside (paths, output, file content) as one line that a terminal can't be made to obey: `\x1b[31m`, `\u{202e}`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, escaped)
}

/** The same for a text of several lines; tabs stay, for they indent. A last line end makes no empty line. */
export function visibleLines(text: string): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.map(line => line.replace(UNSEEN, character => (character === '\t' ? character : escaped(character))))
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return NAMED[character] ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`)
}

const MARK = '...'

/** At most so many columns of a visible text; what was cut off shows as `...`.
 *  Counts what may be two columns wide somewhere as two, and no character as none: a line may come out short, never long.
 *  That needs no tables of widths, which differ between terminals and Unicode versions anyway. */
export function cut(text: string, columns: number): string {
  if (text.length * 2 <= columns) return text
  let width = 0
  let end = 0
  let fits = 0
  for (const character of text) {
    width += widthOf(character)
    if (width > columns) return columns < MARK.length ? '' : text.slice(0, fits) + MARK
    end += character.length
    if (width <= columns - MARK.length) fits = end
  }
  return text
}

/** Hangul Jamo, at U+1100, are the first that are two columns wide anywhere. A tab may be eight. */
function widthOf(character: string): number {
  if (character === '\t') return 8
  return (character.codePointAt(0) ?? 0) < 0x1100 ? 1 : 2
}
