/** Answers that are worth keeping and not worth much: held up to a bound, and then forgotten all at once. */

export type Remembered<V> = {
  find(key: string): V | undefined
  /** `size` counts in the unit of the bound. Answers the value. */
  keep(key: string, value: V, size: number): V
}

/** What comes again is soon known again, so that nothing has to tell old from new. */
export function createRemembered<V>(most: number): Remembered<V> {
  const known = new Map<string, V>()
  let held = 0
  return Object.freeze({
    find: (key: string) => known.get(key),
    keep(key: string, value: V, size: number) {
      held += size
      if (held > most) {
        known.clear()
        held = size
      }
      known.set(key, value)
      return value
    },
  })
}
