/**
 * Where the receivers of a fault leave what they did: a file of its own, shared by all their processes. Effects are
 * plain rows without a key, so that one made twice shows; the marks of the inbox stand beside them, in the same
 * transaction.
 */

import { DatabaseSync } from 'node:sqlite'
import { Inbox } from '../../client/inbox.ts'
import type { ReceivedDelivery } from '../../protocol/operations/deliveries.ts'

export type Effect = { envelope_id: string; receiver: string }

export type Effects = {
  /** Makes the effect of a delivery, once. */
  once(delivery: ReceivedDelivery): Promise<void>
  /** Makes it as often as it is called: what happens without an inbox. */
  always(delivery: ReceivedDelivery): Promise<void>
  all(): Effect[]
  close(): void
}

export function openEffects(file: string): Effects {
  const db = new DatabaseSync(file, { timeout: 10_000 })
  // These processes are killed, the machine is not: nothing needs a sync.
  db.exec(`pragma journal_mode = wal; pragma synchronous = off;
    create table if not exists marks(key text primary key);
    create table if not exists effects(envelope_id text not null, receiver text not null)`)
  const mark = db.prepare('insert into marks(key) values (?) on conflict do nothing')
  const insert = db.prepare('insert into effects(envelope_id, receiver) values (?, ?)')
  const make = ({ envelope_id, target }: ReceivedDelivery) => void insert.run(envelope_id, target)
  const inbox = new Inbox({
    store: {
      take: (key) => (mark.run(key).changes === 1 ? { taken: true } : { taken: false, result: undefined }),
      done: () => {},
    },
  })
  // One connection has one transaction at a time.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = last.then(work, work)
    last = turn
    return turn
  }
  return Object.freeze({
    once: (delivery: ReceivedDelivery) =>
      inTurn(async () => {
        db.exec('begin immediate')
        try {
          await inbox.once(delivery, () => make(delivery))
          db.exec('commit')
        } catch (error) {
          if (db.isTransaction) db.exec('rollback')
          throw error
        }
      }),
    always: async (delivery: ReceivedDelivery) => make(delivery),
    all: () => db.prepare('select envelope_id, receiver from effects').all() as Effect[],
    close: () => db.close(),
  })
}
