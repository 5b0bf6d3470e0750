/**
 * Every error that Memory Spine answers, once: its stable code, HTTP status, whether the same call may be
 * tried again, a title, and what to do next. Codes are on disk and in clients: never rename one.
 */

type ErrorRule = { status: number; retryable: boolean; title: string; next: string }

const rule = (status: number, retryable: boolean, title: string, next: string): ErrorRule =>
  Object.freeze({ status, retryable, title, next })

export const errorTable = Object.freeze({
  // What was sent is not acceptable.
  INVALID_JSON: rule(
    400,
    false,
    'The body is not acceptable JSON',
    'Send well-formed UTF-8 JSON; the detail says where it breaks.',
  ),
  INVALID_NUMBER: rule(
    400,
    false,
    'A number would not survive the trip',
    'Use safe integers or decimals of at most 15 digits; send larger ones as strings.',
  ),
  INVALID_INPUT: rule(
    400,
    false,
    'The input does not fit the operation',
    'Correct what the detail names, and each field in `issues`; /docs shows the shape.',
  ),
  TOO_DEEP: rule(400, false, 'The JSON is nested too deeply', 'Nest at most 64 levels.'),
  TOO_LARGE: rule(
    413,
    false,
    'Something is larger than allowed',
    'Store long text as memories and refer to them by id.',
  ),
  REQUEST_TIMEOUT: rule(
    408,
    true,
    'The request did not arrive in time',
    'Send it whole and at once: headers within 10 s, all of it within 30 s.',
  ),
  UNSUPPORTED_MEDIA_TYPE: rule(
    415,
    false,
    'The body is not declared as JSON',
    'Send `Content-Type: application/json`.',
  ),
  UNSUPPORTED_VERSION: rule(
    422,
    false,
    'The envelope version is not known here',
    'Send version 1 or 2.x, or upgrade this server.',
  ),
  DIGEST_MISMATCH: rule(
    422,
    false,
    'The envelope does not match its digest',
    'Send the exact envelope that was sealed; make a new one instead of editing it.',
  ),

  // Who is asking.
  UNAUTHENTICATED: rule(
    401,
    false,
    'No valid key was given',
    'Send `Authorization: Bearer <key>` with a key of SPINE_API_KEYS.',
  ),
  FORBIDDEN: rule(403, false, 'The key does not allow this', 'Use the key of that agent or namespace.'),
  HOST_REFUSED: rule(
    403,
    false,
    'The Host header is not one of ours',
    'Call a loopback address, or add the host to SPINE_ALLOWED_HOSTS.',
  ),
  ORIGIN_REFUSED: rule(
    403,
    false,
    'Pages of other origins may not call this server',
    'Call from the server side, without an Origin header.',
  ),

  // What does not exist.
  ROUTE_NOT_FOUND: rule(404, false, 'There is no such route', 'See /docs for the operations.'),
  MEMORY_NOT_FOUND: rule(
    404,
    false,
    'There is no such memory',
    'Check the id and the namespace; deleted and expired memories are gone.',
  ),
  TASK_NOT_FOUND: rule(404, false, 'There is no such task', 'Create it with `tasks.put`, or leave `task_id` out.'),
  ALERT_NOT_FOUND: rule(404, false, 'There is no such alert', 'List alerts with `state: "all"`; old ones are removed.'),
  AGENT_NOT_FOUND: rule(
    404,
    false,
    'There is no such agent',
    'Register it with `agents.put`, or send it a handoff: its name then appears.',
  ),
  ENVELOPE_NOT_FOUND: rule(
    404,
    false,
    'There is no such envelope',
    'Check the id and the namespace, or import the envelope first.',
  ),
  DELIVERY_NOT_FOUND: rule(404, false, 'There is no such delivery', 'Check the id and the namespace.'),

  SECRET_FOUND: rule(
    422,
    false,
    'The input holds a secret',
    'Take it out of the texts named in `found`; keep secrets in a vault and hand over their names.',
  ),

  // Assembly refuses.
  BUDGET_TOO_SMALL: rule(
    422,
    false,
    'The parts that must be kept do not fit the budget',
    'Raise `max_tokens`, or shorten the parts named in `parts`.',
  ),
  AMBIGUOUS_PREVIOUS: rule(
    409,
    false,
    'The sender holds several deliveries',
    'Give `previous`: one of those listed, or null for a new root.',
  ),
  INTENT_CHANGED: rule(
    409,
    false,
    'The intent of a chain cannot be replaced',
    "Leave `intent` out; put the user's new words into `amendments`.",
  ),
  CONSTRAINT_CHANGED: rule(
    409,
    false,
    'A constraint may only be narrowed',
    'Keep or narrow it, add a new key, or let the agent that set it waive it.',
  ),
  WAIVER_REFUSED: rule(
    422,
    false,
    'Only the user lifts a constraint by an amendment',
    'Let the user say it, with a key that is not bound to an agent, or let the agent that set the key `waive` it.',
  ),
  CONSTRAINT_CONFLICT: rule(
    409,
    false,
    'The joined branches disagree on a constraint',
    'Resolve it in one branch before joining.',
  ),
  HOP_LIMIT: rule(
    409,
    false,
    'The chain is at its hop limit',
    'Finish the work here (the path is in `path`), or begin the chain with a higher `max_hops`.',
  ),
  CYCLE: rule(
    409,
    false,
    'The chain goes in a circle without changing anything',
    'Change the state, amend the task, or finish here; the path is in `path`.',
  ),
  INCOMPLETE: rule(
    422,
    false,
    'Requested memories could not be resolved',
    'Store them, or leave `require_complete` out to send with gaps flagged.',
  ),
  ENVELOPE_CONFLICT: rule(409, false, 'Another envelope has this id', 'Give the new envelope an id of its own.'),

  // Delivery refuses.
  LEASE_LOST: rule(
    409,
    false,
    'Somebody else owns this delivery now',
    'Stop working on it and drop the result; the newer lease owns it.',
  ),
  WRONG_STATE: rule(
    409,
    false,
    'The delivery is not in a state for this',
    'Look at `state`; see the delivery table in the docs.',
  ),
  ALREADY_ACCEPTED: rule(409, false, 'The receiver was faster', 'Treat the handoff as accepted.'),
  ACK_TIMEOUT: rule(
    504,
    true,
    'Nobody accepted in time',
    'The delivery stays queued: the same call waits for it again. Or reroute it, cancel it, or park it.',
  ),
  PARKED: rule(
    409,
    false,
    'The delivery rests in the dead-letter box',
    'Look at its errors, then redrive or discard it.',
  ),
  EXPIRED: rule(
    409,
    false,
    'The deadline passed before anybody accepted',
    'Make a new handoff with a later deadline: what has expired stays so, also when it is sent again.',
  ),
  CANCELLED: rule(409, false, 'The delivery was cancelled', 'Send a new handoff if the work is still wanted.'),
  DEADLINE_PASSED: rule(
    409,
    false,
    'The deadline of the delivery has passed',
    'Give a later `deadline` with the redrive, or discard it.',
  ),
  NO_FALLBACK: rule(
    409,
    false,
    'There is nobody to reroute to',
    'Set `fallback_agent` in the profile of the target, park the handoff, or wait again.',
  ),
  CIRCUIT_OPEN: rule(
    503,
    true,
    'The breaker of the target is open',
    'The delivery is stored and waits: after `retry_after_ms` the same call waits for it again. Or reroute or cancel it.',
  ),
  DISCARDED: rule(409, false, 'The delivery was discarded', 'Send a new handoff if the work is still wanted.'),

  // Writing twice.
  IDEMPOTENCY_CONFLICT: rule(
    409,
    false,
    'The idempotency key was used for another body',
    'Use a new key for a new request.',
  ),
  VERSION_CONFLICT: rule(
    412,
    false,
    'The memory has moved on',
    'Read it again and repeat the change on the newer version.',
  ),

  // The server or its store.
  OVERLOADED: rule(503, true, 'The server is at its limit', 'Try again after the time in Retry-After.'),
  SHUTTING_DOWN: rule(
    503,
    true,
    'The server is shutting down',
    'Try again in a moment; where you closed this client or spine yourself, open a new one.',
  ),
  UNREACHABLE: rule(
    503,
    true,
    'The server could not be reached',
    'Check that it runs (`memory-spine serve`) and that the endpoint is right.',
  ),
  CALL_TIMEOUT: rule(504, true, 'The call took too long', 'Try again; a repeat with the same idempotency key is safe.'),
  STORAGE_FULL: rule(507, true, 'The disk is full', 'Free space; acknowledgements still pass, new handoffs wait.'),
  STORAGE_FAILED: rule(
    503,
    true,
    'The store could not be written',
    'Look at the server log; nothing of this call was stored.',
  ),
  STORE_UNAVAILABLE: rule(
    503,
    true,
    'The database does not answer at this moment',
    'Try again after the time in Retry-After; a repeat of the same call finds what the first one may have done.',
  ),
  STORE_NOT_OPENED: rule(
    503,
    false,
    'The store could not be opened',
    'Remove the cause, or open a store elsewhere (`--store`), then start again.',
  ),
  STORE_LOCKED: rule(
    423,
    false,
    'Somebody has this store open',
    'Call the endpoint of who has it open, or close it there first.',
  ),
  PORT_IN_USE: rule(
    503,
    false,
    'Something else listens there',
    'Stop what listens there, or give another `--port` (0 takes a free one).',
  ),
  SCHEMA_TOO_NEW: rule(
    503,
    false,
    'The store was written by a newer version',
    'Upgrade this program, or restore a backup made by this version.',
  ),
  STORE_INCOMPLETE: rule(
    503,
    false,
    'The store is a copy that was not finished',
    'Run the same `memory-spine copy` again: it goes on where it was. Or copy into another, empty store.',
  ),
  INTEGRITY: rule(
    500,
    false,
    'Stored bytes no longer match their digest',
    'Restore it from a backup, or store a memory again under its id; what is damaged is never served.',
  ),
  INTERNAL: rule(
    500,
    true,
    'Something went wrong on our side',
    'Try again; the server log has the cause under this request id.',
  ),
} satisfies Record<string, ErrorRule>)

export type ErrorCode = keyof typeof errorTable

/** An RFC 9457 problem document with the members that every Memory Spine error has. */
export type Problem = {
  type: string
  title: string
  status: number
  detail: string
  code: ErrorCode
  retryable: boolean
  next: string
  [extra: string]: unknown
}

/** The error of every call: match on `code`, show `message`; `extra` has what the code promises (parts, path, state...). */
export class SpineError extends Error {
  readonly code: ErrorCode
  /** What the user can do about it; a member, so that an error nobody catches is printed with it. */
  readonly next: string
  readonly extra: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, detail: string, extra: Record<string, unknown> = {}) {
    super(detail, extra.cause === undefined ? undefined : { cause: extra.cause })
    this.name = 'SpineError'
    this.code = code
    this.next = errorTable[code].next
    const { cause: _cause, ...rest } = extra
    this.extra = rest
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable
  }

  get status(): number {
    return errorTable[this.code].status
  }
}

/** A handoff that cannot arrive any more, or that its sender gave up. */
export class HandoffError extends SpineError {
  override name = 'HandoffError'
}

/** The breaker of the target is open; `extra.retry_after_ms` says for how long. */
export class CircuitOpenError extends HandoffError {
  override name = 'CircuitOpenError'
}

/** Nobody accepted in time; the delivery stays ready. */
export class HandoffTimeoutError extends HandoffError {
  override name = 'HandoffTimeoutError'
}

const handoffCodes: ReadonlySet<ErrorCode> = new Set(['PARKED', 'EXPIRED', 'CANCELLED', 'DISCARDED'])

/** Makes the error whose class users catch by name. */
export function spineError(code: ErrorCode, detail: string, extra: Record<string, unknown> = {}): SpineError {
  if (code === 'ACK_TIMEOUT') return new HandoffTimeoutError(code, detail, extra)
  if (code === 'CIRCUIT_OPEN') return new CircuitOpenError(code, detail, extra)
  if (handoffCodes.has(code)) return new HandoffError(code, detail, extra)
  return new SpineError(code, detail, extra)
}

export function toProblem(error: SpineError): Problem {
  const { status, retryable, title, next } = errorTable[error.code]
  const type = `/docs#${error.code.toLowerCase().replaceAll('_', '-')}`
  return { type, title, status, detail: error.message, ...error.extra, code: error.code, retryable, next }
}

/** Reads a problem document back into the error that was thrown; anything else becomes INTERNAL. */
export function fromProblem(body: unknown, status: number): SpineError {
  if (typeof body === 'object' && body !== null && 'code' in body) {
    const { type: _t, title: _h, status: _s, detail, code, retryable: _r, next: _n, ...extra } = body as Problem
    if (Object.hasOwn(errorTable, code)) return spineError(code, String(detail), extra)
  }
  return new SpineError('INTERNAL', `The server answered ${status} without a problem document.`, {
    http_status: status,
  })
}
