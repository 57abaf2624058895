/** A longer line is cut: what follows is left out. Characters. */
const LONGEST_LINE = 4 * 1024

/** Tells each line of a stream as it comes; of a line that never ends no more is kept than is told. */
export function lines(stream: NodeJS.ReadableStream, tell: (line: string) => void): void {
  let rest = ''
  const end = (): void => {
    tell(cut(rest.replace(/\r$/, '')))
    rest = ''
  }
  stream.on('data', (text: string) => {
    let at = 0
    for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', at)) {
      rest += text.slice(at, at + Math.min(to - at, room(rest)))
      at = to + 1
      end()
    }
    rest += text.slice(at, at + room(rest))
  })
  stream.on('close', () => {
    if (rest !== '') end()
  })
}

/** A line as it is shown. */
export function cut(line: string): string {
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line
}

/** One more than is told: to know that there was more. */
function room(rest: string): number {
  return LONGEST_LINE + 1 - rest.length
}
