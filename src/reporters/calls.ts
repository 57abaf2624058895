import type { CallCount } from '../core/cloud.ts'
import { counted } from './counted.ts'
import type { Paint } from './paint.ts'
import { visible } from './visible.ts'

/** `6 calls to the cloud: dynamodb:GetItem 2, …`, the most asked first; and what had to be asked again. Nothing where none was made. */
export function showCalls(calls: Readonly<Record<string, CallCount>>, paint: Paint): string[] {
  const all = Object.entries(calls).sort(([, a], [, b]) => b.count - a.count)
  if (all.length === 0) return []
  const sum = (of: keyof CallCount): number => all.reduce((total, [, call]) => total + call[of], 0)
  const again = [
    ...(sum('retries') > 0 ? [`${sum('retries')} of them again`] : []),
    ...(sum('throttles') > 0 ? [`${sum('throttles')} throttled`] : []),
  ]
  return [
    paint('faint', `${counted(sum('count'), 'call')} to the cloud: ${all.map(([api, { count }]) => `${visible(api)}${count === 1 ? '' : ` ${count}`}`).join(', ')}`),
    ...(again.length === 0 ? [] : [paint('warn', again.join(', '))]),
  ]
}
