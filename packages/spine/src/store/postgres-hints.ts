/**
 * Hints between nodes by LISTEN and NOTIFY, on a connection of their own and outside of every write: a NOTIFY takes a
 * lock of the whole cluster at its commit. Topics of a moment go as one message; what is lost is found by the poll.
 */

import type { Client, Notification } from 'pg'
import type { Hints } from './database.ts'
import { createLocalHints } from './hints.ts'

const CHANNEL = 'memory_spine'
/** Topics that come within this time share a message. */
const GATHER_MS = 10
/** A message holds less than 8,000 bytes; topics are short, and some of them are not ASCII. */
const MESSAGE_BYTES = 7_500
/** More than this in one moment is left to the poll. */
const MAX_MESSAGES = 8
const RECONNECT_MS = 1_000
const notify = 'select pg_notify($1, message) from unnest(cast($2 as text[])) as told(message)'

export type PostgresHints = Hints & { close(): Promise<void> }

/** `newClient` makes a client that is not connected yet, straight to the server: a pooler cannot listen. */
export function startPostgresHints(newClient: () => Client): PostgresHints {
  const local = createLocalHints()
  const waiting = new Set<string>()
  let gathering: NodeJS.Timeout | undefined
  let connection: Client | undefined
  let closed = false

  const connect = async (): Promise<void> => {
    const client = newClient()
    const lost = () => {
      if (connection === client) connection = undefined
      client.end().catch(() => {})
      if (!closed) setTimeout(() => void connect(), RECONNECT_MS).unref()
    }
    client.once('error', () => {
      client.on('error', () => {})
      lost()
    })
    client.on('notification', ({ payload, processId }: Notification) => {
      // Those who listen here have heard it already.
      if (processId !== (client as Client & { processID?: number }).processID) hear(payload ?? '')
    })
    try {
      await client.connect()
      await client.query(`listen ${CHANNEL}`)
    } catch (error) {
      client.emit('error', error)
      return
    }
    if (closed) return void client.end().catch(() => {})
    ;(client as Client & { unref?: () => void }).unref?.()
    connection = client
  }

  const hear = (payload: string): void => {
    try {
      local.send(JSON.parse(payload) as string[])
    } catch {
      // Somebody else's message.
    }
  }

  const gather = (): void => {
    gathering ??= setTimeout(tell, GATHER_MS).unref()
  }

  /** One at a time: what comes while the server is asked goes with the next. */
  const tell = async (): Promise<void> => {
    const messages = messagesOf([...waiting])
    waiting.clear()
    await connection?.query(notify, [CHANNEL, messages]).catch(() => {})
    gathering = undefined
    if (!closed && waiting.size > 0) gather()
  }

  const ready = connect()
  return Object.freeze({
    send(topics: readonly string[]) {
      local.send(topics)
      if (!connection) return
      for (const topic of topics) waiting.add(topic)
      gather()
    },
    listen: local.listen,
    async close() {
      closed = true
      clearTimeout(gathering)
      await ready
      await connection?.end().catch(() => {})
    },
  })
}

/** JSON lists of topics, none of them too long to be sent. */
function messagesOf(topics: readonly string[]): string[] {
  const messages: string[] = []
  let list: string[] = []
  let bytes = 0
  const flush = () => {
    if (list.length > 0) messages.push(JSON.stringify(list))
    list = []
    bytes = 0
  }
  for (const topic of topics) {
    const size = Buffer.byteLength(JSON.stringify(topic)) + 1
    if (size > MESSAGE_BYTES) continue
    if (bytes + size > MESSAGE_BYTES) flush()
    list.push(topic)
    bytes += size
  }
  flush()
  return messages.slice(0, MAX_MESSAGES)
}
