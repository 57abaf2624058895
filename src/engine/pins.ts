/** What the outside offers, asked once a run. */
export interface Pins {
  pinned<T>(key: string, ask: () => Promise<T>): Promise<T>
  /** The next one to ask asks anew. */
  forget(key: string): void
}

export function pins(): Pins {
  const answers = new Map<string, Promise<unknown>>()
  return {
    pinned<T>(key: string, ask: () => Promise<T>): Promise<T> {
      const known = answers.get(key)
      if (known !== undefined) return known as Promise<T>
      const answer = ask()
      answers.set(key, answer)
      // A failure is no answer: a retry asks again.
      answer.catch(() => answers.get(key) === answer && answers.delete(key))
      return answer
    },
    forget: key => void answers.delete(key),
  }
}
