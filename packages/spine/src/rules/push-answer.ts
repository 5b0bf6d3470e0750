/**
 * What the answer to a pushed delivery means. A 2xx takes responsibility; what the receiver says about this one message
 * is final; whatever else is wrong with the address is tried again and counts for its breaker, so that a wrong address
 * does not empty the queue into the dead-letter box.
 */

export type PushAnswer =
  | { ok: true; body: string; truncated?: true }
  | { ok: false; status?: number; reason: string; retry_after_ms?: number }

export type PushVerdict =
  | { action: 'accept' }
  | { action: 'complete'; output?: unknown }
  /** Handed back as a failed attempt; `after_ms`: not sooner, as the receiver asked. */
  | { action: 'retry'; reason: string; after_ms?: number }
  /** Parked: the same message will fare no better. */
  | { action: 'park'; reason: string }
  /** Nothing more is pushed to this address. */
  | { action: 'stop'; reason: string }

/** Bad request, conflict, too large, wrong media type, cannot be processed: said of the message, not of the address. */
const MESSAGE_REFUSED: ReadonlySet<number> = new Set([400, 409, 413, 415, 422])
const GONE = 410
const LONGEST_WAIT_MS = 3_600_000

export function verdictOf(answer: PushAnswer): PushVerdict {
  if (answer.ok) return acceptanceOf(answer)
  const { status, retry_after_ms } = answer
  const reason = `pushed: ${answer.reason}`
  if (status === GONE) return { action: 'stop', reason }
  if (status !== undefined && MESSAGE_REFUSED.has(status)) return { action: 'park', reason }
  if (retry_after_ms === undefined) return { action: 'retry', reason }
  return { action: 'retry', reason, after_ms: Math.min(LONGEST_WAIT_MS, retry_after_ms) }
}

/** A body `{"state": "completed", "output": ...}` says that the work is done; any other one, that it is begun. */
function acceptanceOf({ body, truncated }: { body: string; truncated?: true }): PushVerdict {
  if (truncated && body.trimStart().startsWith('{'))
    return { action: 'park', reason: 'pushed: its answer is too large; store the output as a memory and answer its id' }
  const said = parsed(body)
  if (typeof said !== 'object' || said === null || !('state' in said) || said.state !== 'completed')
    return { action: 'accept' }
  return { action: 'complete', ...('output' in said ? { output: said.output } : {}) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
