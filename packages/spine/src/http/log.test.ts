// What the server writes down of alerts.

import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import type { Alert } from '../protocol/alert.ts'
import { createLog, logAlert } from './log.ts'

const alert: Alert = {
  id: 'alr-1',
  rule: 'breaker_open',
  tier: 'critical',
  state: 'open',
  target: 'coder',
  title: 'Breaker opened for coder',
  detail: 'Three in a row.',
  next: 'Bring it back.',
  about: {},
  raised_at: '2026-01-05T10:00:00.000Z',
}

test('an alert is logged at the level of its tier, and its end as information', () => {
  const lines: string[] = []
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const log = createLog({ level: 'info', destination })
  logAlert(log, 'team', alert)
  logAlert(log, 'team', { ...alert, tier: 'warning' })
  logAlert(log, 'team', { ...alert, state: 'resolved' })
  const written = lines.map((line) => JSON.parse(line))
  assert.deepEqual(
    written.map(({ level, msg, namespace, target, next }) => [level, msg, namespace, target, next]),
    [
      [50, alert.title, 'team', 'coder', alert.next],
      [40, alert.title, 'team', 'coder', alert.next],
      [30, alert.title, 'team', 'coder', undefined],
    ],
  )
})
