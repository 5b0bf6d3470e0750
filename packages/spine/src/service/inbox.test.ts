import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalHints } from '../store/hints.ts'
import { createInbox } from './inbox.ts'

/** One who waits for coder's next delivery, and what it was woken with. */
function bench() {
  const inbox = createInbox(createLocalHints())
  const woken: number[] = []
  const wait = () =>
    inbox.wait('default', 'coder', {
      max: 1,
      lease_ms: 60_000,
      newToken: () => 'lt_1',
      wake: (rows) => woken.push(rows.length),
    })
  return { inbox, woken, wait, reserve: () => inbox.reserve('default', 'coder') }
}

test('a wait is over when the commit that it was bound to had nothing for it, however late that turns out', () => {
  const { woken, wait, reserve } = bench()
  const leave = wait()
  const place = reserve()
  assert.equal(leave(), false)
  place?.settle(undefined)
  assert.deepEqual(woken, [0])
})

test('a hint that comes while the only one who waits is bound to a commit makes it look again after that', () => {
  const { inbox, woken, wait, reserve } = bench()
  wait()
  const place = reserve()
  inbox.hint('default', 'coder')
  assert.deepEqual(woken, [])
  place?.settle(undefined)
  assert.deepEqual(woken, [0])
})

test('what a commit leased to the one who waits is handed over once', () => {
  const { inbox, woken, wait, reserve } = bench()
  wait()
  reserve()?.settle({ id: 'dlv-1' })
  inbox.hint('default', 'coder')
  assert.deepEqual(woken, [1])
  assert.equal(reserve(), undefined)
})
