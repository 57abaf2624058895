/** Which boot is meant: `<boot time, epoch ms, 13 digits>-<kernel's boot_id>`. Of one instance, a later boot has a greater time. */
export function bootIdOf(bootTimeMs: number, kernelBootId: string): string {
  return `${String(Math.round(bootTimeMs)).padStart(13, '0')}-${kernelBootId}`
}

/** What boot `a` is to boot `b` of the same instance. One kernel boot_id is one boot, whatever the time beside it: a clock that is set
 *  while the machine runs moves the time at which it seems to have started. */
export function compareBoots(a: string, b: string): 'older' | 'same' | 'newer' {
  if (a === b || kernelPart(a) === kernelPart(b)) return 'same'
  const [before, after] = [timePart(a), timePart(b)]
  // Two boots in one millisecond do not happen; were it so, one order is as good as the other, as long as all agree.
  return before === after ? (a < b ? 'older' : 'newer') : before < after ? 'older' : 'newer'
}

function kernelPart(bootId: string): string {
  return bootId.slice(bootId.indexOf('-') + 1)
}

function timePart(bootId: string): number {
  return Number.parseInt(bootId, 10)
}
