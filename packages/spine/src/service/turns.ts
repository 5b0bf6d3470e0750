/**
 * Turns: work that takes milliseconds is done one piece per turn of the event loop,
 * first come first served, so that whoever only wants to acknowledge is not kept waiting behind two hundred assemblies.
 */

export type Turns = { next(): Promise<void> }

/** `schedule` runs what it is given in a later turn of the event loop. */
export function createTurns(schedule: (call: () => void) => void = setImmediate): Turns {
  const waiting: (() => void)[] = []
  let scheduled = false
  const grant = () => {
    waiting.shift()?.()
    scheduled = waiting.length > 0
    if (scheduled) schedule(grant)
  }
  return Object.freeze({
    next: () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve)
        if (scheduled) return
        scheduled = true
        schedule(grant)
      }),
  })
}
