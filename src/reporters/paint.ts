/** What a colour says. Nothing is said by colour alone: every line reads the same without. */
export type Tone = 'good' | 'bad' | 'warn' | 'note' | 'faint' | 'strong'

export type Paint = (tone: Tone, text: string) => string

/** The eight colours every terminal has, in the shades its user chose. */
const SGR: Readonly<Record<Tone, string>> = { good: '32', bad: '31', warn: '33', note: '36', faint: '2', strong: '1' }

/** @param colour false: texts come back as they are
 *  @returns paints one line; texts from outside have to be made visible first (visible.ts) */
export function painter(colour: boolean): Paint {
  return (tone, text) => (colour && text !== '' ? `\x1b[${SGR[tone]}m${text}\x1b[0m` : text)
}
