import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startPostgresClock } from './postgres-clock.ts'

/** Two clocks that the test moves: that of the database, and the time that passes here. */
async function bench(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const state = { theirs: 1_000_000, passed: 50, reachable: true, on_the_way: 0 }
  const clock = await startPostgresClock({
    ask: async () => {
      if (!state.reachable) throw new Error('cut off')
      const { theirs } = state
      state.theirs += state.on_the_way
      state.passed += state.on_the_way
      return theirs
    },
    monotonic: () => state.passed,
  })
  const pass = async (ms: number) => {
    state.theirs += ms
    state.passed += ms
    t.mock.timers.tick(ms)
    await new Promise(setImmediate)
  }
  return { clock, state, pass }
}

test('the time is that of the database, and goes on here between two measurements', async (t) => {
  const { clock, state, pass } = await bench(t)
  assert.equal(clock.now(), 1_000_000)
  await pass(1_234)
  assert.equal(clock.now(), 1_001_234)
  state.theirs += 300
  await pass(10_000)
  assert.equal(clock.now(), 1_011_534)
})

test('an answer that was long on its way does not move what is known better', async (t) => {
  const { clock, state, pass } = await bench(t)
  state.on_the_way = 400
  await pass(10_000)
  // By half of it, 200 ms, if it were believed.
  assert.ok(Math.abs(clock.now() - state.theirs) <= 2, `off by ${clock.now() - state.theirs} ms`)
})

test('a small step back is waited out, a large one is followed', async (t) => {
  const { clock, state, pass } = await bench(t)
  const before = clock.now()
  state.theirs -= 500
  await pass(10_000)
  assert.equal(clock.now(), before + 9_500)
  state.theirs -= 20
  await pass(10_000)
  assert.ok(clock.now() >= before + 9_500)
  state.theirs -= 3_600_000
  await pass(10_000)
  assert.equal(clock.now(), state.theirs)
})

test('after 30 s without a measurement no lease is given or taken; the next one makes it good', async (t) => {
  const { clock, state, pass } = await bench(t)
  state.reachable = false
  await pass(10_000)
  await pass(10_000)
  await pass(10_000)
  clock.check()
  await pass(1)
  assert.throws(() => clock.check(), { code: 'STORE_UNAVAILABLE' })
  state.reachable = true
  await pass(9_999)
  clock.check()
})
