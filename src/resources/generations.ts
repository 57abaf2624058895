import { basename, dirname } from 'node:path'
import { Failure } from '../core/failure.ts'
import type { Machine, Observer } from '../core/machine.ts'

/** Where the generations of a tree lie:
 *
 *      /etc/nginx/sunup             -> sunup.d/7     what programs read: the swing is one rename of this link
 *      /etc/nginx/sunup.d/7/…                        the live generation
 *      /etc/nginx/sunup.d/6/…                        the one before it, kept to go back to
 *      /etc/nginx/sunup.d/previous  -> 6             or `none`, or where else the link led
 *
 *  Generations are counted, not named by a digest: they may hold secrets, of which no digest leaves the process.
 *  Anything else in the directory was left by a run that was cut off. */
export interface Generations {
  /** '/etc/nginx/sunup.d'. */
  readonly directory: string
  /** Where the link leads, when it is one of ours; else undefined. @throws Failure `file.kind` when the path is no link */
  live(observer: Observer): number | undefined
  /** What a run that was cut off left behind, as paths. */
  leftovers(observer: Observer): readonly string[]
  /** The path of a generation. */
  at(generation: number): string
  /** One more than any that there is. */
  next(observer: Observer): number
  /** Makes a complete generation the live one, in one rename, and lets go of all but the one before it. */
  swing(machine: Machine, generation: number): void
  /** Makes what was before the live one live again. Says what that is; undefined: there is no way back. */
  swingBack(machine: Machine): string | undefined
}

const NONE = 'none'

export function generations(path: string): Generations {
  const name = basename(path)
  const directory = `${path}.d`
  const previous = `${directory}/previous`
  const at = (generation: number): string => `${directory}/${generation}`

  function live(observer: Observer): number | undefined {
    const target = observer.readLink(path)
    if (target === undefined) {
      const found = observer.stat(path)
      if (found === undefined) return undefined
      throw new Failure('file.kind', `${path} is there, and is not the link to a generation that a configTree keeps there`, {
        hint: `Move it away; the tree's files will lie below ${directory}.`,
      })
    }
    const [parent, entry = ''] = [dirname(target), basename(target)]
    return (parent === `${name}.d` || parent === directory) && isGeneration(entry) ? Number(entry) : undefined
  }

  function leftovers(observer: Observer): readonly string[] {
    const entries = observer.list(directory)
    if (entries === undefined || entries.length === 0) return []
    const kept = new Set(['previous', observer.readLink(previous), String(live(observer))])
    return entries.filter(entry => !kept.has(entry)).map(entry => `${directory}/${entry}`)
  }

  const tidy = (machine: Machine): void => leftovers(machine).forEach(machine.remove)

  return {
    directory,
    live,
    leftovers,
    at,
    next: observer => Math.max(0, ...(observer.list(directory) ?? []).filter(isGeneration).map(Number)) + 1,
    swing(machine, generation) {
      const now = live(machine)
      // Said first: were the run to end between the two, the way back would lead to where it is.
      machine.link(previous, now === undefined ? (machine.readLink(path) ?? NONE) : String(now))
      machine.link(path, `${name}.d/${generation}`)
      tidy(machine)
    },
    swingBack(machine) {
      const back = machine.readLink(previous)
      const now = live(machine)
      if (back === undefined || now === undefined || back === String(now)) return undefined
      const target = isGeneration(back) ? `${name}.d/${back}` : back
      if (target !== back && machine.stat(at(Number(back)))?.kind !== 'directory') return undefined
      if (back === NONE) machine.remove(path)
      else machine.link(path, target)
      // What was taken back is nothing to come back to.
      machine.remove(previous)
      tidy(machine)
      return back === NONE ? 'nothing' : target
    },
  }
}

function isGeneration(entry: string): boolean {
  return /^[1-9]\d{0,14}$/.test(entry)
}
