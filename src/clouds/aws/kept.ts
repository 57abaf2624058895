/** Made by the first who asks, for all; what could not be made now may be had later. */
export function kept<T>(make: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let made: Promise<T> | undefined
  return signal =>
    (made ??= make(signal).catch((error: unknown) => {
      made = undefined
      throw error
    }))
}
