/** A terminal, as far as a progress line needs one: what remains to be seen is what counts, not which bytes led there. */
export interface Screen {
  write(text: string): void
  /** Rows without trailing blanks, from the first; a long line takes several. */
  rows(): string[]
}

/** Knows carriage return, line feed, erasing to the end of the line, and colours; throws on any other control, for those obey the writer.
 *  A character in the last column leaves the cursor there until the next one, as terminals do. */
export function screen(columns: number): Screen {
  const cells: string[][] = [[]]
  let row = 0
  let column = 0

  function put(character: string): void {
    const width = widthOf(character)
    if (width === 0) {
      const line = cells[row]
      if (line && column > 0) line[column - 1] += character
      return
    }
    if (column + width > columns) feed()
    const line = (cells[row] ??= [])
    while (line.length < column) line.push(' ')
    line[column] = character
    if (width === 2) line[column + 1] = ''
    column += width
  }

  function feed(): void {
    row++
    column = 0
    cells[row] ??= []
  }

  return {
    write(text) {
      for (const [piece] of text.matchAll(/\x1b\[[\d;]*m|\x1b\[K|[^]/gu)) {
        if (piece === '\n') feed()
        else if (piece === '\r') column = 0
        else if (piece === '\x1b[K') cells[row]?.splice(column)
        else if (piece.startsWith('\x1b[')) continue
        else if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(piece)) throw new Error(`a raw control character: ${JSON.stringify(piece)}`)
        else if (piece === '\t') for (let end = Math.min(columns, (Math.floor(column / 8) + 1) * 8); column < end; ) put(' ')
        else put(piece)
      }
    },
    rows: () => cells.map(line => line.join('').trimEnd()),
  }
}

/** East Asian wide and emoji; source: Unicode UAX 11. */
function widthOf(character: string): number {
  if (/\p{M}|[\u200c\u200d\ufe0f]/u.test(character)) return 0
  return /[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u.test(character) ? 2 : 1
}
