import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type CoalescerOptions, createCoalescer } from './coalescer.ts'

/** Batches that end when the test says so, started by hand. */
function bench(options: Partial<CoalescerOptions<string, string>> = {}) {
  const started: { inputs: readonly string[]; end(error?: Error): Promise<void> }[] = []
  const scheduled: (() => void)[] = []
  const coalescer = createCoalescer<string, string>({
    run: (inputs) =>
      new Promise((resolve, reject) => {
        const end = async (error?: Error) => {
          if (error) reject(error)
          else resolve(inputs.map((input) => `${input}!`))
          // One macrotask later, everything that follows from it has happened.
          await new Promise(setImmediate)
        }
        started.push({ inputs, end })
      }),
    lanes: 1,
    overflow: () => new Error('full'),
    schedule: (start) => scheduled.push(start),
    ...options,
  })
  const turn = () => scheduled.splice(0).forEach((start) => start())
  return { coalescer, started, turn }
}

const firstLetter = (input: string) => input.slice(0, 1)

test('inputs of one turn share a batch, and each gets its own answer', async () => {
  const { coalescer, started, turn } = bench()
  const answers = Promise.all(['c', 'a', 'b'].map(coalescer.submit))
  turn()
  assert.deepEqual(
    started.map(({ inputs }) => inputs),
    [['c', 'a', 'b']],
  )
  await started[0]?.end()
  assert.deepEqual(await answers, ['c!', 'a!', 'b!'])
})

test('what comes while the lanes are busy is gathered for the next free one, up to the cap', async () => {
  const { coalescer, started, turn } = bench({ lanes: 2, cap: 3 })
  const answers = ['1', '2', '3', '4', '5', '6', '7', '8'].map(coalescer.submit)
  turn()
  turn()
  turn()
  assert.deepEqual(
    started.map(({ inputs }) => inputs.length),
    [3, 3],
  )
  assert.equal(coalescer.waiting, 2)
  await started[1]?.end()
  turn()
  assert.deepEqual(started[2]?.inputs, ['7', '8'])
  await Promise.all([started[0]?.end(), started[2]?.end()])
  assert.equal((await Promise.all(answers)).length, 8)
})

test('sixteen that wait go at once, and who comes after them goes in the next turn', async () => {
  const { coalescer, started, turn } = bench({ lanes: 2 })
  const answers = Array.from({ length: 20 }, (_, index) => coalescer.submit(String(index)))
  assert.deepEqual(
    started.map(({ inputs }) => inputs.length),
    [16],
  )
  turn()
  assert.deepEqual(started[1]?.inputs, ['16', '17', '18', '19'])
  await Promise.all(started.map(({ end }) => end()))
  turn()
  assert.equal((await Promise.all(answers)).length, 20)
})

test('eight callers hear of a batch in one turn: what they do next does not wait for the others', async () => {
  const { coalescer, started, turn } = bench()
  const heard: string[] = []
  for (let index = 0; index < 10; index += 1) void coalescer.submit(`${index}`).then((answer) => heard.push(answer))
  turn()
  await started[0]?.end()
  assert.equal(heard.length, 8)
  void coalescer.submit('next')
  turn()
  await new Promise(setImmediate)
  assert.deepEqual([heard.length, started[1]?.inputs], [10, ['next']])
})

test('a batch is sorted by key', () => {
  const { coalescer, started, turn } = bench({ key: firstLetter })
  void Promise.all(['c', 'a', 'b'].map(coalescer.submit))
  turn()
  assert.deepEqual(started[0]?.inputs, ['a', 'b', 'c'])
})

test('inputs with one key never run together, not even in two lanes, and keep their order', async () => {
  const { coalescer, started, turn } = bench({ key: firstLetter, lanes: 2 })
  const answers = Promise.all(['a1', 'a2', 'b1', 'a3'].map(coalescer.submit))
  turn()
  turn()
  assert.deepEqual(
    started.map(({ inputs }) => inputs),
    [['a1', 'b1']],
  )
  await started[0]?.end()
  turn()
  await started[1]?.end()
  turn()
  await started[2]?.end()
  assert.deepEqual(
    started.map(({ inputs }) => inputs),
    [['a1', 'b1'], ['a2'], ['a3']],
  )
  assert.deepEqual(await answers, ['a1!', 'a2!', 'b1!', 'a3!'])
})

test('a full queue refuses at once and recovers when a lane takes what waited', async () => {
  const { coalescer, started, turn } = bench({ max_waiting: 2, key: firstLetter })
  const taken = [coalescer.submit('a1'), coalescer.submit('a2')]
  await assert.rejects(coalescer.submit('b'), /full/)
  turn()
  const late = coalescer.submit('b')
  await started[0]?.end()
  turn()
  await started[1]?.end()
  assert.deepEqual(await Promise.all([...taken, late]), ['a1!', 'a2!', 'b!'])
})

test('one bad input fails alone, and its companions are carried out', async () => {
  const attempts: number[] = []
  const coalescer = createCoalescer<number, number>({
    run: async (batch) => {
      attempts.push(batch.length)
      if (batch.includes(13)) throw new Error('bad data')
      return batch.map((input) => input * 2)
    },
    lanes: 1,
    overflow: () => new Error('full'),
    splittable: (error) => (error as Error).message === 'bad data',
  })
  const inputs = Array.from({ length: 16 }, (_, index) => index)
  const settled = await Promise.allSettled(inputs.map(coalescer.submit))
  assert.deepEqual(
    settled.flatMap((one, index) => (one.status === 'rejected' ? [index] : [])),
    [13],
  )
  assert.deepEqual(attempts, [16, 8, 8, 4, 4, 2, 1, 1, 2])
})

test('a failure that is nobody’s fault fails the batch once', async () => {
  const { coalescer, started, turn } = bench({ splittable: () => false })
  const settled = Promise.allSettled(['a', 'b'].map(coalescer.submit))
  turn()
  await started[0]?.end(new Error('disk gone'))
  assert.deepEqual(
    (await settled).map((one) => one.status),
    ['rejected', 'rejected'],
  )
  assert.equal(started.length, 1)
})

test('the number of answers must be the number of inputs', async () => {
  const coalescer = createCoalescer<string, string>({
    run: async () => [],
    lanes: 1,
    overflow: () => new Error('full'),
  })
  await assert.rejects(coalescer.submit('a'), /0 answers to 1 inputs/)
})

test('with microtasks as its schedule it needs no turn of the event loop', async () => {
  const coalescer = createCoalescer<number, number>({
    run: async (batch) => batch,
    lanes: 1,
    overflow: () => new Error('full'),
    schedule: queueMicrotask,
  })
  let turns = 0
  const count = () => {
    turns += 1
    counter = setImmediate(count)
  }
  let counter = setImmediate(count)
  for (let index = 0; index < 1000; index += 1) await coalescer.submit(index)
  clearImmediate(counter)
  assert.equal(turns, 0)
})

test('whatever arrives, everything is answered once, in the order of its key, within cap and lanes', async () => {
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  const arrivals = fc.array(fc.record({ key: fc.constantFrom(...letters), pause: fc.boolean() }), { maxLength: 120 })
  await fc.assert(
    fc.asyncProperty(
      arrivals,
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 20 }),
      async (list, lanes, cap) => {
        const done: string[] = []
        let running = 0
        const coalescer = createCoalescer<string, string>({
          run: async (batch) => {
            running += 1
            assert.ok(running <= lanes && batch.length <= cap)
            assert.equal(new Set(batch.map(firstLetter)).size, batch.length)
            await Promise.resolve()
            done.push(...batch)
            running -= 1
            return batch
          },
          key: firstLetter,
          lanes,
          cap,
          overflow: () => new Error('full'),
          schedule: queueMicrotask,
        })
        const answers: Promise<string>[] = []
        for (const [index, { key, pause }] of list.entries()) {
          answers.push(coalescer.submit(`${key}${index}`))
          if (pause) await Promise.resolve()
        }
        const given = list.map(({ key }, index) => `${key}${index}`)
        assert.deepEqual(await Promise.all(answers), given)
        for (const key of letters) {
          const ofKey = (inputs: string[]) => inputs.filter((input) => input.startsWith(key))
          assert.deepEqual(ofKey(done), ofKey(given))
        }
        assert.equal(coalescer.waiting, 0)
      },
    ),
  )
})
