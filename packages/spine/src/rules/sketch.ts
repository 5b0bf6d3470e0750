/**
 * A sketch of many numbers: how many fell into which bin, the bins growing by a constant factor, so that every
 * percentile is within 1 % of the exact one, and sketches of two spans of time add up to that of both. (The bins are
 * those of DDSketch: Masson, Rim, Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch", VLDB 2019.)
 */

/** How far a percentile may be off, as a share of it. */
export const SKETCH_ERROR = 0.01

const GROWTH = (1 + SKETCH_ERROR) / (1 - SKETCH_ERROR)
const LOG_GROWTH = Math.log(GROWTH)

/** Counts by bin. Bin 0 holds what is below 1. */
export type Sketch = Map<number, number>

/** The bin of a number: 0, or 1 + k where the number lies in (GROWTH^(k-1), GROWTH^k]. */
export function binOf(value: number): number {
  return value < 1 ? 0 : 1 + Math.ceil(Math.log(value) / LOG_GROWTH)
}

/** The number that stands for a bin, at most 1 % from each that fell into it. */
export function middleOf(bin: number): number {
  return bin === 0 ? 0 : (2 * GROWTH ** (bin - 1)) / (GROWTH + 1)
}

export function addTo(sketch: Sketch, bin: number, count = 1): void {
  sketch.set(bin, (sketch.get(bin) ?? 0) + count)
}

export function mergeInto(sketch: Sketch, other: Sketch): void {
  for (const [bin, count] of other) addTo(sketch, bin, count)
}

export function countOf(sketch: Sketch): number {
  let count = 0
  for (const some of sketch.values()) count += some
  return count
}

/**
 * The bins in which these shares (0 to 1, ascending) of what was counted end: the smallest bin with at least that
 * share at or below it. Undefined when nothing was counted.
 */
export function binsAt(sketch: Sketch, shares: readonly number[]): (number | undefined)[] {
  const sorted = [...sketch].sort(([left], [right]) => left - right)
  const total = countOf(sketch)
  let below = 0
  let at = -1
  return shares.map((share) => {
    const wanted = Math.max(1, Math.ceil(share * total))
    while (below < wanted && at + 1 < sorted.length) {
      at += 1
      below += sorted[at]?.[1] ?? 0
    }
    return sorted[at]?.[0]
  })
}

/** As few numbers as will do: the distance from the bin before, then the count. */
export function encodeSketch(sketch: Sketch): number[] {
  let before = 0
  return [...sketch]
    .sort(([left], [right]) => left - right)
    .flatMap(([bin, count]) => {
      const step = bin - before
      before = bin
      return [step, count]
    })
}

export function decodeSketch(numbers: readonly number[]): Sketch {
  const sketch: Sketch = new Map()
  let bin = 0
  for (let at = 0; at + 1 < numbers.length; at += 2) {
    bin += numbers[at] ?? 0
    addTo(sketch, bin, numbers[at + 1])
  }
  return sketch
}
