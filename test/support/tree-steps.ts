import { readFileSync } from 'node:fs'
import type { Machine } from '../../src/core/machine.ts'
import { settle } from '../../src/engine/settle.ts'
import { hostMachine } from '../../src/machine/machine.ts'
import { configTree } from '../../src/resources/config-tree.ts'
import { surroundings } from '../conformance/settles.ts'

/** Run as a program: takes up a tree in a staging root and is killed before its n-th change of the machine.
 *  Its arguments: the root, n, and a file with the tree's props as JSON. Ends with 0 when there were fewer changes than that. */
const CHANGING = ['write', 'setMode', 'setOwner', 'makeDirectory', 'link', 'rename', 'remove', 'run'] as const

const [root, mortal, props] = process.argv.slice(2) as [string, string, string]
const machine: Machine = hostMachine({ root })
let changes = 0
const dying = Object.fromEntries(
  CHANGING.map(name => [
    name,
    (...given: never[]) => {
      if (++changes === Number(mortal)) process.kill(process.pid, 'SIGKILL')
      return (machine[name] as (...given: never[]) => unknown)(...given)
    },
  ]),
)
const settled = await settle(configTree(JSON.parse(readFileSync(props, 'utf8'))), surroundings({ ...machine, ...dying }, []))
process.exitCode = settled.failure ? 1 : 0
