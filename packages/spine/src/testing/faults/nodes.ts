/** A node of a cluster: a server in a process of its own, that is killed and started again at the same port. */

import { pause } from './fault.ts'
import type { Started } from './processes.ts'

export type Node = {
  port: number
  restart(): Promise<void>
  /** How it ended without being killed, if it did. */
  died_alone(): string | undefined
  end(): Promise<void>
}

/** `start` starts its server; the first time at any port. */
export async function startNode(start: (port: string) => Promise<Started>): Promise<Node> {
  let ending = false
  let alone: string | undefined
  const watched = async (port: string): Promise<Started> => {
    const started = await start(port)
    void started.exited.then((code) => {
      if (!ending) alone = `with ${code}: ${started.complaint()}`
    })
    return started
  }
  let server = await watched('0')
  const { port } = new URL(String(server.first.endpoint))
  const end = async () => {
    ending = true
    await server.kill()
  }
  return {
    port: Number(port),
    async restart() {
      await end()
      // A server that finds no database does not start: whoever runs it starts it again.
      for (let started = false; !started; ) {
        started = await watched(port).then(
          (again) => {
            server = again
            return true
          },
          () => pause(200).then(() => false),
        )
      }
      ending = false
    },
    died_alone: () => alone,
    end,
  }
}
