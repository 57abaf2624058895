import { Failure } from '../core/failure.ts'
import type { ResourceId } from '../core/resource.ts'
import type { Verified } from '../core/gate.ts'
import { whyNot } from './guards.ts'
import type { Planned } from './planned.ts'
import { look, type Surroundings } from './settle.ts'

/** Proves that all is as it should be, by looking once more at everything, for an apply may have moved what came before it.
 *  Where nothing was applied the first look is the proof. An act is a deed: it was done, or the run had failed.
 *  @param skipped how many of them the first look skipped: they are not among what is proven
 *  @throws Failure `run.unsettled` naming what is not as it should be */
export async function verify(planned: readonly Planned[], applied: boolean, skipped: number, around: Surroundings): Promise<Verified> {
  const unsettled: string[] = []
  let checked = planned.length - skipped
  if (applied) {
    checked = 0
    for (const { resource } of planned) {
      if ((await whyNot(resource, around)) !== undefined) continue
      checked++
      const missing = (await look(resource, around)).filter(change => change.type !== 'act')
      if (missing.length > 0) unsettled.push(describe(resource.id, missing.map(change => change.field ?? change.type)))
    }
  }
  if (unsettled.length > 0) {
    throw new Failure('run.unsettled', `applied, but not settled: ${unsettled.join('; ')}`, {
      hint: 'Two resources may want different things, or something else on the machine changes it back.',
    })
  }
  around.story.tell({ type: 'run.verified', checked })
  return { checked } as unknown as Verified
}

function describe(id: ResourceId, fields: readonly string[]): string {
  return `${id} (${[...new Set(fields)].join(', ')})`
}
