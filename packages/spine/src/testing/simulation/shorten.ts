/** Delta debugging (Zeller and Hildebrandt, 2002): leaves steps out, in ever smaller pieces, while it still fails. */

/** Tries at most; a trace that is not the shortest one helps too. */
const TRIES = 200

export async function shorten<T>(steps: readonly T[], fails: (some: T[]) => Promise<boolean>): Promise<T[]> {
  let left = [...steps]
  let tries = 0
  for (let pieces = 2; left.length > 1 && tries < TRIES; ) {
    const size = Math.ceil(left.length / pieces)
    let shorter: T[] | undefined
    for (let from = 0; from < left.length && !shorter && tries < TRIES; from += size) {
      const some = [...left.slice(0, from), ...left.slice(from + size)]
      tries += 1
      if (some.length > 0 && (await fails(some))) shorter = some
    }
    if (shorter) {
      left = shorter
      pieces = Math.max(2, pieces - 1)
    } else if (size === 1) break
    else pieces = Math.min(left.length, pieces * 2)
  }
  return left
}
