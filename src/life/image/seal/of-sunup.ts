import { holdsLogin } from '../../../core/secret.ts'
import { textsIn } from '../../../core/yaml.ts'
import { undoneIn } from '../../../engine/journal.ts'
import { holderOf, type Holder } from '../../../machine/lock.ts'
import type { Ground, Kind, Sighting } from './finding.ts'
import { inside, present, writtenText } from './places.ts'

/** What sunup itself leaves on a machine that was more than baked. */
export const OF_SUNUP: readonly Kind[] = [
  {
    what: 'health file',
    why: 'it would answer for an instance before that has booted',
    fix: 'remove',
    look: ({ machine, run }) => inside(machine, `${run}/health`),
  },
  {
    what: 'run at work',
    why: 'an image of it is half of something',
    fix: 'none',
    hint: 'Wait until it has ended.',
    look(ground) {
      const by = holder(ground)
      return by === undefined || by.pid === process.pid ? [] : [{ path: `${ground.run}/lock`, detail: `sunup ${by.command}, process ${by.pid}` }]
    },
  },
  {
    what: 'debt of a bake',
    why: 'what it changed was never taken up, and no boot of the image knows of it',
    fix: 'none',
    hint: 'Run `sunup bake` again: it pays.',
    look: ({ machine, run }) => owing(`${run}/bake/journal.ndjson`, machine),
  },
  {
    what: 'debt of an instance',
    why: 'what it changed was never taken up, and no boot of the image knows of it',
    fix: 'none',
    hint: 'Run `sunup boot` on it again, which pays, or build the image from a machine that never booted.',
    look: ground => stateOf(ground).flatMap(one => debtOf(one, ground)),
  },
  {
    what: 'state of an instance',
    why: 'it is that of another one',
    fix: 'remove',
    // With debts it stays, so that they are not forgotten.
    look: ground => stateOf(ground).filter(one => debtOf(one, ground).length === 0),
  },
  {
    what: 'commit that a gate opened on',
    why: 'the image itself has opened none',
    fix: 'remove',
    look: ({ machine, state }) => inside(machine, `${state}/cache/source`).flatMap(({ path }) => present(machine, [`${path}/good.json`])),
  },
  {
    what: 'half of a checkout',
    why: 'whoever made it was killed',
    fix: 'remove',
    look: ({ machine, state }) => inside(machine, `${state}/cache/source`).flatMap(({ path }) => inside(machine, path, name => /^\..*\.new(?:\.index)?$/.test(name))),
  },
  {
    what: 'lock and marks of a boot',
    why: 'they are another boot’s',
    fix: 'remove',
    look(ground) {
      const { machine, run, runIsMemory } = ground
      // Who looks while he holds it takes it away himself.
      const isOurs = holder(ground)?.pid === process.pid
      return runIsMemory ? [] : inside(machine, run, name => name !== 'health' && name !== 'bake' && !(isOurs && isLock(name)))
    },
  },
  {
    what: 'record of a bake',
    why: 'it is the build’s, and shows what was changed',
    fix: 'remove',
    look: ({ machine, run, runIsMemory }) => (runIsMemory ? [] : inside(machine, `${run}/bake`, name => name !== 'journal.ndjson')),
  },
  {
    what: 'half of an installation',
    why: 'whoever made it was killed',
    fix: 'remove',
    look: ({ machine }) => inside(machine, '/opt', name => name.startsWith('.sunup-install.')),
  },
  {
    what: 'password in sunup.yaml',
    why: 'whoever has the image has it',
    fix: 'none',
    hint: 'Take it out, of comments as well: give the repository a deploy key, or a token in the instance’s own configuration.',
    look: ({ machine }) => present(machine, ['/etc/sunup/sunup.yaml']).filter(({ path }) => letsIn(writtenText(machine, path) ?? '')),
  },
]

/** The text is what is in the image, comments and all; what it stands for may be written so that the text does not show it. */
function letsIn(text: string): boolean {
  return holdsLogin(text) || textsIn(text).some(holdsLogin)
}

/** The lock's own file, and what stands beside it. */
export function isLock(name: string): boolean {
  return /^lock(?:\.|$)/.test(name)
}

function holder({ machine, run }: Ground): Holder | undefined {
  return holderOf(machine.hostPath(`${run}/lock`))
}

/** All but what any instance may find there. */
function stateOf({ machine, state }: Ground): readonly Sighting[] {
  return inside(machine, state, name => name !== 'cache')
}

function debtOf({ path }: Sighting, { machine }: Ground): readonly Sighting[] {
  return machine.stat(path)?.kind === 'directory' ? owing(`${path}/journal.ndjson`, machine) : []
}

function owing(path: string, machine: Ground['machine']): readonly Sighting[] {
  if (machine.stat(path)?.kind !== 'file') return []
  const { debts, begun } = undoneIn(machine.hostPath(path))
  const said = [...debts.map(({ id, act }) => `${act} of ${id}`), ...begun.map(id => `${id} was begun`)]
  return said.length === 0 ? [] : [{ path, detail: said.join(', ') }]
}
