/** The marks of an inbox: what a store of them does, and the one in memory, which is gone with the process. */

/** Either the effect is the caller's to make, or it was made before, with this result. */
export type Taken = { taken: true } | { taken: false; result: unknown }

/** Where the marks are kept. Keys are texts of a few hundred characters. */
export type InboxStore = {
  /**
   * Sets the mark, unless it is there. Of several callers only one may be told `taken: true`; the others wait for it.
   * Outside of a transaction, decide what a mark means that was taken and never done, because its owner crashed.
   */
  take(key: string): Taken | Promise<Taken>
  /** The effect is made. A database keeps the result as JSON; undefined is no result. */
  done(key: string, result: unknown): void | Promise<void>
  /** The effect failed: the key may be taken again. Default: nothing, as a rollback removes the mark. */
  drop?(key: string): void | Promise<void>
}

/** Takes of the same key wait for each other. Effects under way are never forgotten. */
export function marksInMemory({
  max = 100_000,
}: {
  /** Marks of made effects that are kept; the oldest are forgotten. Default 100,000. */
  max?: number
} = {}): InboxStore {
  const open = new Map<string, PromiseWithResolvers<void>>()
  const made = new Map<string, unknown>()

  return Object.freeze({
    async take(key: string) {
      for (let mark = open.get(key); mark; mark = open.get(key)) await mark.promise
      if (made.has(key)) return { taken: false as const, result: made.get(key) }
      open.set(key, Promise.withResolvers<void>())
      return { taken: true as const }
    },
    done(key: string, result: unknown) {
      made.set(key, result)
      const [oldest] = made.keys()
      if (made.size > max && oldest !== undefined) made.delete(oldest)
      open.get(key)?.resolve()
      open.delete(key)
    },
    drop(key: string) {
      open.get(key)?.resolve()
      open.delete(key)
    },
  })
}
