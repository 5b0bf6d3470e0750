import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createLine } from './postgres-line.ts'

const options = {
  lanes: 1,
  max_waiting: 2,
  patience_ms: 1_000,
  refuse: () => new Error('refused'),
  hopeless: (error: unknown) => (error as Error).message === 'gone',
}

/** Work that ends when the test says so. */
function held(line: ReturnType<typeof createLine>) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const done = line.through(() => promise)
  done.catch(() => {})
  return { done, end: resolve, fail: (message: string) => reject(new Error(message)) }
}

test('so many go at a time, the others in the order they came, and a full line refuses', async () => {
  const line = createLine(options)
  const [first, second, third] = [held(line), held(line), held(line)]
  await assert.rejects(
    line.through(async () => 'fourth'),
    /refused/,
  )
  first.end('1')
  second.end('2')
  third.end('3')
  assert.deepEqual(await Promise.all([first.done, second.done, third.done]), ['1', '2', '3'])
  assert.equal(await line.through(async () => 'free again'), 'free again')
})

test('a failure that the others would meet too is told to everybody in line, another one to its caller alone', async () => {
  const line = createLine(options)
  const [first, second] = [held(line), held(line)]
  first.fail('mine')
  second.end('done')
  await assert.rejects(first.done, /mine/)
  assert.equal(await second.done, 'done')
  const [third, fourth] = [held(line), held(line)]
  third.fail('gone')
  await assert.rejects(fourth.done, /gone/)
  assert.equal(await line.through(async () => 'back'), 'back')
})

test('who waits is refused when nobody is done for a while, not when the line moves slowly', async (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) t.mock.timers.tick(100)
    await new Promise(setImmediate)
  }
  const line = createLine(options)
  const [first, second, third] = [held(line), held(line), held(line)]
  await pass(900)
  first.end('1')
  await first.done
  await pass(900)
  second.end('2')
  assert.equal(await second.done, '2')
  const fourth = held(line)
  await pass(1_200)
  await assert.rejects(fourth.done, /refused/)
  third.end('3')
  assert.equal(await third.done, '3')
})
