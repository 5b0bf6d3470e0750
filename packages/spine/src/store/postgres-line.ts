/**
 * Calls in line for a connection: so many go at a time, the others wait for as long as the line moves. When it stands
 * still, or the database cannot be reached, everybody in it is told at once instead of finding out one by one.
 */

export type Line = {
  /** Does `work` when it is its turn. */
  through<T>(work: () => Promise<T>): Promise<T>
}

export type LineOptions = {
  lanes: number
  max_waiting: number
  /** Nobody was done for so long, in ms. */
  patience_ms: number
  /** The error of those who find the line full, or standing still. */
  refuse(): Error
  /** Errors that the next in line would meet too. */
  hopeless(error: unknown): boolean
}

/** Time is counted in these, so that a busy event loop is not taken for a line that stands still. */
const TICKS = 10

type Waiting = { go(): void; stop(error: unknown): void }

export function createLine({ lanes, max_waiting, patience_ms, refuse, hopeless }: LineOptions): Line {
  const waiting: Waiting[] = []
  let busy = 0
  let still = 0
  let timer: NodeJS.Timeout | undefined

  const refuseAll = (error: unknown): void => {
    for (const { stop } of waiting.splice(0)) stop(error)
  }

  const tick = (): void => {
    still += 1
    if (still > TICKS) refuseAll(refuse())
    if (waiting.length > 0) return
    clearInterval(timer)
    timer = undefined
  }

  const turn = (): Promise<void> => {
    if (busy < lanes) {
      busy += 1
      return Promise.resolve()
    }
    if (waiting.length >= max_waiting) return Promise.reject(refuse())
    return new Promise((go, stop) => {
      waiting.push({ go, stop })
      if (timer) return
      still = 0
      timer = setInterval(tick, patience_ms / TICKS).unref()
    })
  }

  return Object.freeze({
    async through<T>(work: () => Promise<T>): Promise<T> {
      await turn()
      try {
        return await work()
      } catch (error) {
        if (hopeless(error)) refuseAll(error)
        throw error
      } finally {
        still = 0
        const next = waiting.shift()
        // The next one takes the place over.
        if (next) next.go()
        else busy -= 1
      }
    },
  })
}
