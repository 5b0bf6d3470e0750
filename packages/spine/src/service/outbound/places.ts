/** A bound on how much is under way at once: who finds no place waits for one, first come first served. */

export type Places = {
  enter(): Promise<void>
  leave(): void
}

export function createPlaces(count: number): Places {
  const waiting: (() => void)[] = []
  let free = count
  return Object.freeze({
    async enter() {
      if (free > 0) free -= 1
      else await new Promise<void>((resolve) => waiting.push(resolve))
    },
    leave() {
      const next = waiting.shift()
      if (next) next()
      else free += 1
    },
  })
}
