/**
 * The closed loop of the benchmark: so many handoffs in flight at every moment, until all were acknowledged, and what
 * that took. Times are milliseconds of CLOCK_MONOTONIC, which is one clock for all processes of a machine: a worker
 * process stamps what a producer process began.
 */

export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6

export type Loop = {
  /** Starts handoff `seq`; resolves when the sender has its answer. */
  send(seq: number): Promise<unknown>
  /** Acknowledgements that end one handoff. */
  copies: number
  timeout_ms: number
}

type Times = { start: Float64Array; received: Float64Array; acknowledged: Float64Array; enqueued: Float64Array }

export type Acknowledged = (seq: number, received: number, acknowledged: number) => void

export class ClosedLoop {
  readonly #loop: Loop
  #first = 0
  #hear: Acknowledged = () => {}

  constructor(loop: Loop) {
    this.#loop = loop
  }

  /** Called by whoever learns of a receiver's confirmed acknowledgement. */
  acknowledged: Acknowledged = (seq, received, acknowledged) => this.#hear(seq, received, acknowledged)

  run(count: number, concurrency: number): Promise<Times> {
    const { send, copies, timeout_ms } = this.#loop
    const first = this.#first
    this.#first += count
    const column = () => new Float64Array(count)
    const times: Times = { start: column(), received: column(), acknowledged: column(), enqueued: column() }
    const missing = new Int32Array(count).fill(copies)
    const { promise, resolve, reject } = Promise.withResolvers<Times>()
    let next = 0
    let done = 0
    const timer = setTimeout(() => reject(new Error(`timed out with ${done} of ${count} acknowledged`)), timeout_ms)
    const issue = () => {
      if (next >= count) return
      const index = next
      next += 1
      times.start[index] = nowMs()
      send(first + index).then(() => {
        times.enqueued[index] = nowMs()
      }, reject)
    }
    this.#hear = (seq, received, acknowledged) => {
      const index = seq - first
      const left = missing[index]
      // A duplicate, or what is left of an earlier run.
      if (!left) return
      times.received[index] = Math.max(times.received[index] ?? 0, received)
      times.acknowledged[index] = Math.max(times.acknowledged[index] ?? 0, acknowledged)
      missing[index] = left - 1
      if (left > 1) return
      done += 1
      // One turn more, so that the last sender has its answer too.
      if (done === count) setImmediate(resolve, times)
      else issue()
    }
    for (let started = Math.min(concurrency, count); started > 0; started -= 1) issue()
    return promise.finally(() => clearTimeout(timer))
  }
}

function quantiles(values: Float64Array): { p50: number; p99: number; max: number } {
  const sorted = values.toSorted()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

const rounded = (value: number, digits = 2) => Number(value.toFixed(digits))

/** The figures of a run, by the names that all peers of the comparison use. */
export function figuresOf({ start, received, acknowledged, enqueued }: Times) {
  const since = (times: Float64Array) => quantiles(times.map((at, index) => Math.max(0, at - (start[index] ?? 0))))
  const [whole, deliver, enqueue] = [since(acknowledged), since(received), since(enqueued)]
  const took_ms = acknowledged.reduce((a, b) => Math.max(a, b), 0) - start.reduce((a, b) => Math.min(a, b), Infinity)
  return {
    throughput: rounded(start.length / (took_ms / 1_000), 1),
    p50_ms: rounded(whole.p50),
    p99_ms: rounded(whole.p99),
    max_ms: rounded(whole.max),
    deliver_p50_ms: rounded(deliver.p50),
    deliver_p99_ms: rounded(deliver.p99),
    enqueue_p50_ms: rounded(enqueue.p50),
    enqueue_p99_ms: rounded(enqueue.p99),
  }
}
