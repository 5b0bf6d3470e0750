/**
 * Turns many callers' single inputs into few batches. While every lane is busy the queue grows, and the next free lane
 * takes what has gathered: group commit without a timer, and without a wait when nothing is under way. Many callers at
 * once neither wait for the last of them nor hear all at once: what is under way and what is being prepared overlap.
 * What a batch does is the caller's; nothing here knows SQL.
 */

export type CoalescerOptions<In, Out> = {
  /** Carries a batch out and answers each input, in the order of the batch. */
  run(batch: readonly In[]): Promise<readonly Out[]>
  /**
   * What the input is about. Inputs with the same key are carried out one after another, in the order they came, and
   * never share a batch; a batch is sorted by it, so that two nodes lock rows in the same order. Without it, inputs
   * have nothing in common and keep their order.
   */
  key?(input: In): string
  /** Batches under way at once. */
  lanes: number
  /** Inputs in one batch; default 256. */
  cap?: number
  /** Inputs waiting for a lane; default 10,000. */
  max_waiting?: number
  /** The error of an input that finds the queue full. */
  overflow(): Error
  /** Whether one input can have spoilt it for the others; the batch is then halved until that one fails alone. */
  splittable?(error: unknown): boolean
  /** Starts the next batch a little later, when its companions have arrived; default setImmediate. */
  schedule?(start: () => void): void
}

export type Coalescer<In, Out> = {
  submit(input: In): Promise<Out>
  /** Inputs that wait for a lane. */
  readonly waiting: number
}

type Entry<In, Out> = {
  input: In
  key: string | undefined
  resolve(answer: Out): void
  reject(error: unknown): void
}

type Outcome = { key: string | undefined; tellCaller(): void }

/** Inputs that are worth a batch at once, although more may come in this turn of the event loop. */
const WORTH_A_BATCH = 16
/** Callers that hear in one turn of the event loop. */
const PER_TURN = 8

export function createCoalescer<In, Out>(options: CoalescerOptions<In, Out>): Coalescer<In, Out> {
  const { run, key, lanes, overflow, cap = 256, max_waiting = 10_000 } = options
  const splittable = options.splittable ?? (() => false)
  const schedule = options.schedule ?? ((start: () => void) => void setImmediate(start))

  /** Free to go: no two of them have the same key, and none has the key of one under way. */
  let queue: Entry<In, Out>[] = []
  /** A key that is queued or under way, and those who wait behind it. */
  const behind = new Map<string, Entry<In, Out>[]>()
  let waiting = 0
  let busy_lanes = 0
  let scheduled = false

  const submit = (input: In): Promise<Out> => {
    if (waiting >= max_waiting) return Promise.reject(overflow())
    return new Promise<Out>((resolve, reject) => {
      const entry = { input, key: key?.(input), resolve, reject }
      waiting += 1
      const followers = entry.key === undefined ? undefined : behind.get(entry.key)
      if (followers) followers.push(entry)
      else enqueue(entry)
    })
  }

  const enqueue = (entry: Entry<In, Out>): void => {
    if (entry.key !== undefined && !behind.has(entry.key)) behind.set(entry.key, [])
    queue.push(entry)
    scheduleStart()
  }

  const scheduleStart = (): void => {
    if (busy_lanes >= lanes || queue.length === 0) return
    if (queue.length >= WORTH_A_BATCH) return void startBatch()
    if (scheduled) return
    scheduled = true
    schedule(() => {
      scheduled = false
      if (busy_lanes < lanes && queue.length > 0) void startBatch()
    })
  }

  const startBatch = async (): Promise<void> => {
    const batch = queue.slice(0, cap)
    queue = queue.slice(cap)
    waiting -= batch.length
    busy_lanes += 1
    // What did not fit may have a lane of its own; what came behind this batch waits for its end.
    scheduleStart()
    const outcomes = await carryOut(batch.sort(byKey))
    busy_lanes -= 1
    scheduleStart()
    tell(outcomes)
  }

  /** A few at a time: what the first ones do next is under way before the last ones hear. */
  const tell = (outcomes: readonly Outcome[]): void => {
    for (const { key, tellCaller } of outcomes.slice(0, PER_TURN)) {
      tellCaller()
      letNextGo(key)
    }
    if (outcomes.length > PER_TURN) schedule(() => tell(outcomes.slice(PER_TURN)))
  }

  const carryOut = async (batch: readonly Entry<In, Out>[]): Promise<Outcome[]> => {
    try {
      const answers = await run(batch.map((entry) => entry.input))
      if (answers.length !== batch.length) throw new RangeError(`${answers.length} answers to ${batch.length} inputs`)
      return batch.map(({ key, resolve }, index) => ({ key, tellCaller: () => resolve(answers[index] as Out) }))
    } catch (error) {
      if (batch.length === 1 || !splittable(error))
        return batch.map(({ key, reject }) => ({ key, tellCaller: () => reject(error) }))
      const middle = batch.length >> 1
      return [...(await carryOut(batch.slice(0, middle))), ...(await carryOut(batch.slice(middle)))]
    }
  }

  const letNextGo = (ended: string | undefined): void => {
    if (ended === undefined) return
    const next = behind.get(ended)?.shift()
    if (next) enqueue(next)
    else behind.delete(ended)
  }

  return Object.freeze({
    submit,
    get waiting() {
      return waiting
    },
  })
}

function byKey(left: { key: string | undefined }, right: { key: string | undefined }): number {
  if (left.key === undefined || right.key === undefined || left.key === right.key) return 0
  return left.key < right.key ? -1 : 1
}
