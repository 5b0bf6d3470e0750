/**
 * How many calls are let in at a time, and how they end when the server stops. Calls that wait on purpose (long polls)
 * are counted apart: thousands of idle receivers must not keep a sender out.
 */

import type { ServerResponse } from 'node:http'
import { SpineError } from '../protocol/errors.ts'

export type AdmissionLimits = {
  max_in_flight: number
  max_waiting: number
}

/** A call that was let in. */
export type Admitted = {
  /** Ends a wait: the client is gone, or the server stops. Only where the call may wait; made when it is asked for. */
  readonly signal: AbortSignal | undefined
  /** Counts it for as long as `work` runs, even if its client has gone. */
  during<T>(work: Promise<T>): Promise<T>
}

export type Admission = {
  /** Throws OVERLOADED or SHUTTING_DOWN where a call could not be let in now, before its body is read. */
  check(waits: boolean): void
  /** Lets a call in that is there whole, until its answer is written or its client gone. Throws as `check` does. */
  enter(response: ServerResponse, waits: boolean): Admitted
  readonly draining: boolean
  readonly in_flight: number
  readonly waiting: number
  /** Lets nobody in any more and ends the waits; resolves when all calls are through. */
  drain(): Promise<void>
}

const stopping = () => new SpineError('SHUTTING_DOWN', 'The server is shutting down.')

export function createAdmission({ max_in_flight, max_waiting }: AdmissionLimits): Admission {
  const waits_open = new Set<AbortController>()
  const counts = { in_flight: 0, waiting: 0 }
  let emptied: (() => void) | undefined
  let draining = false

  function check(waits: boolean): void {
    if (draining) throw stopping()
    const kind = waits ? 'waiting' : 'in_flight'
    if (counts[kind] >= (waits ? max_waiting : max_in_flight))
      throw new SpineError('OVERLOADED', `The server has ${counts[kind]} calls ${waits ? 'waiting' : 'in flight'}.`)
  }

  function enter(response: ServerResponse, waits: boolean): Admitted {
    check(waits)
    const kind = waits ? 'waiting' : 'in_flight'
    counts[kind] += 1
    let holds = 1
    const leave = () => {
      holds -= 1
      if (holds > 0) return
      counts[kind] -= 1
      if (controller) waits_open.delete(controller)
      if (counts.in_flight + counts.waiting === 0) emptied?.()
    }
    let controller: AbortController | undefined
    let ended = false
    let gone = false
    const end = (written: boolean) => {
      if (ended) return
      ended = true
      gone = !written
      if (gone) controller?.abort()
      leave()
    }
    const open = (): AbortController => {
      const made = new AbortController()
      if (gone) made.abort()
      else if (draining) made.abort(stopping())
      else waits_open.add(made)
      return made
    }
    response.once('finish', () => end(true))
    response.once('close', () => end(false))
    if (response.destroyed) end(false)
    return {
      get signal() {
        if (waits) controller ??= open()
        return controller?.signal
      },
      during: (work) => {
        holds += 1
        return work.finally(leave)
      },
    }
  }

  async function drain(): Promise<void> {
    draining = true
    for (const controller of waits_open) controller.abort(stopping())
    if (counts.in_flight + counts.waiting > 0)
      await new Promise<void>((resolve) => {
        emptied = resolve
      })
  }

  return Object.freeze({
    check,
    enter,
    drain,
    get draining() {
      return draining
    },
    get in_flight() {
      return counts.in_flight
    },
    get waiting() {
      return counts.waiting
    },
  })
}
