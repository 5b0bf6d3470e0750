import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import type { SpineError } from '../protocol/errors.ts'
import { acquireLock, readLock } from './lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'spine-lock-'))
after(() => rmSync(folder, { recursive: true }))

const newFolder = () => mkdtempSync(join(folder, 'store-'))
const newFile = () => join(newFolder(), 'spine.db')

/** A real process that has the lock's functions at hand; `next` is its next line of output. */
function startChild(code: string, file: string) {
  const imports = `import { acquireLock, readLock } from ${JSON.stringify(new URL('./lock.ts', import.meta.url).href)}
    import { once } from 'node:events'
    const file = ${JSON.stringify(file)}\n`
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', imports + code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => String((await lines.next()).value)
  const end = async (signal: NodeJS.Signals) => {
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }
  return { child, next, end }
}

const lockedBy = (pid: number | undefined) => (error: SpineError) => {
  assert.equal(error.code, 'STORE_LOCKED')
  assert.equal(error.extra.pid, pid)
  assert.match(error.message, pid === process.pid ? /open in this very process/ : new RegExp(`open in process ${pid} `))
  // What to do is said once, by the code.
  assert.doesNotMatch(error.message, /stop that|use (?:its|that)/i)
  return true
}

/** Keeps nothing of the lock in hand: it must hold all the same. */
const holder = `acquireLock(file, { endpoint: 'http://127.0.0.1:8788' }); gc(); console.log('held'); process.stdin.resume()`

test('one process opens a store once, and again after it has released it', () => {
  const file = newFile()
  const lock = acquireLock(file)
  assert.throws(() => acquireLock(file), lockedBy(process.pid))
  lock.release()
  lock.release()
  acquireLock(file).release()
})

test('the refusal names the process, its endpoint, and what to do', async () => {
  const file = newFile()
  const { child, next, end } = startChild(holder, file)
  assert.equal(await next(), 'held')
  assert.throws(() => acquireLock(file), lockedBy(child.pid))
  assert.throws(() => acquireLock(file), /open in process \d+ on .*, which serves it at http:\/\/127\.0\.0\.1:8788\.$/)
  await end('SIGTERM')
})

test('a client reads who serves the store, and nothing when nobody does', async () => {
  const file = newFile()
  assert.equal(readLock(file), undefined)
  const lock = acquireLock(file)
  assert.equal(readLock(file)?.endpoint, undefined)
  lock.update({ endpoint: 'http://127.0.0.1:1' })
  assert.equal(readLock(file)?.endpoint, 'http://127.0.0.1:1')
  assert.equal(readLock(file)?.pid, process.pid)
  lock.release()
  assert.equal(readLock(file), undefined)
})

test('after kill -9 the next start takes over at once, and the dead owner counts for nothing', async () => {
  const file = newFile()
  const { next, end } = startChild(holder, file)
  await next()
  await end('SIGKILL')
  assert.equal(readLock(file), undefined)
  const lock = acquireLock(file)
  assert.deepEqual([readLock(file)?.pid, readLock(file)?.endpoint], [process.pid, undefined])
  lock.release()
})

test('a lock file that names a living process does not hold a store that nobody has open', () => {
  const file = newFile()
  writeFileSync(`${file}.lock`, JSON.stringify({ pid: process.ppid, host: 'reused', started_at: 0 }))
  acquireLock(file).release()
})

test('of many that race for what a dead process left, exactly one wins', async () => {
  const folder = newFolder()
  const stale = Array.from({ length: 8 }, (_, index) => join(folder, `${index}.db`))
  for (const file of stale) writeFileSync(`${file}.lock`, JSON.stringify({ pid: 999_999, host: 'gone', started_at: 0 }))
  const racer = `
    console.log('ready')
    await once(process.stdin, 'data')
    const won = []
    for (let index = 0; index < 8; index += 1) {
      try { acquireLock(file + '/' + index + '.db'); won.push(index) } catch (error) {
        if (error.code !== 'STORE_LOCKED') throw error
      }
    }
    console.log(JSON.stringify(won))
    process.stdin.resume()`
  const racers = Array.from({ length: 4 }, () => startChild(racer, folder))
  await Promise.all(racers.map(({ next }) => next()))
  for (const { child } of racers) child.stdin.write('go\n')
  const won = await Promise.all(racers.map(async ({ next }) => JSON.parse(await next()) as number[]))
  await Promise.all(racers.map(({ end }) => end('SIGKILL')))
  assert.deepEqual(
    won.flat().toSorted((left, right) => left - right),
    stale.map((_, index) => index),
  )
})

test('those who only look do not keep an opener out', async () => {
  const file = newFile()
  const looker = `console.log('looking')
    process.stdin.resume()
    const look = () => { for (let count = 0; count < 20; count += 1) readLock(file); setImmediate(look) }
    look()`
  const { next, end } = startChild(looker, file)
  await next()
  for (let round = 0; round < 50; round += 1) acquireLock(file).release()
  await end('SIGKILL')
})

test('two names of one folder meet at one lock', () => {
  const folder = newFolder()
  mkdirSync(join(folder, 'real'))
  symlinkSync(join(folder, 'real'), join(folder, 'linked'))
  const lock = acquireLock(join(folder, 'real', 'spine.db'))
  assert.throws(() => acquireLock(join(folder, 'linked', 'spine.db')), lockedBy(process.pid))
  lock.release()
})
