/** Relays TCP connections: between clients and several servers, or between a server and its database, to be cut. */

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export type Relay = {
  port: number
  /** From now on nothing passes, and nobody is told: as when a cable is pulled. */
  cut(): void
  /** What hung is closed, and new connections pass again. */
  mend(): void
  close(): Promise<void>
}

/** Each connection goes to the next port of the list that lets itself be reached. */
export async function startRelay(ports: () => readonly number[]): Promise<Relay> {
  const sockets = new Set<Socket>()
  let silent = false
  let turn = 0

  const hold = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  }

  const join = (near: Socket, far: Socket) => {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes) => silent || to.write(bytes))
      from.on('close', () => to.destroy())
    }
    near.resume()
  }

  const reach = (near: Socket, left: number): void => {
    const targets = ports()
    const port = targets[turn++ % targets.length] ?? 0
    const far = connect(port, '127.0.0.1')
    hold(far)
    far.once('connect', () => join(near, far))
    far.once('error', () => {
      if (left > 1 && !near.destroyed) reach(near, left - 1)
      else near.destroy()
    })
  }

  const server = createServer({ pauseOnConnect: true }, (near) => {
    hold(near)
    reach(near, ports().length)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  const destroyAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return Object.freeze({
    port: (server.address() as { port: number }).port,
    cut: () => {
      silent = true
    },
    mend: () => {
      destroyAll()
      silent = false
    },
    async close() {
      destroyAll()
      server.close()
      await once(server, 'close')
    },
  })
}
