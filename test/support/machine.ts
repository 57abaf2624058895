import type { Test } from 'tap'
import type { Machine } from '../../src/core/machine.ts'
import { hostMachine } from '../../src/machine/machine.ts'

/** A real machine whose files lie below the test's own directory. */
export interface TestMachine extends Machine {
  /** That directory on the host, absolute. */
  readonly dir: string
}

type Tree = Parameters<Test['testdir']>[0]

/** A staging root with these files: paths are as resources name them, '/etc/motd' is `<dir>/etc/motd`. What a staging root skips
 *  (`hostOnly`) is skipped on it, and owners are skipped unless the tests run as root.
 *  @param tree as t.testdir takes it; t.fixture('symlink', target) makes a link */
export function testMachine(t: Test, tree: Tree = {}): TestMachine {
  const dir = t.testdir(tree)
  return { ...hostMachine({ root: dir }), dir }
}

/** The machine itself (root '/'), and a directory with these files on it to work in: paths begin with `dir`. For what must not be staged. */
export function testHost(t: Test, tree: Tree = {}): TestMachine {
  return { ...hostMachine(), dir: t.testdir(tree) }
}

/** Why a test that needs file modes to bind can't run here: root passes them by. For `{ skip: rootIgnoresModes }`. */
export const rootIgnoresModes: string | false = process.geteuid?.() === 0 ? 'runs as root, whom file modes do not stop' : false

/** Why a test that needs to set owners can't run here. For `{ skip: onlyRootSetsOwners }`. */
export const onlyRootSetsOwners: string | false = process.geteuid?.() === 0 ? false : 'only root may give files away'
