/** The two ways in: a connection over standard input and output, and requests over HTTP. */

import { createMcpHandler } from '@modelcontextprotocol/server'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import type { Identity, Spine } from '../protocol/spine.ts'
import { type HeldLeases, holdLeases } from './held.ts'
import { createMcpServer } from './server.ts'

export type StdioOptions = {
  spine: Spine
  version: string
  /** The agent that this session speaks for. Default: each call says it. */
  agent?: string
  /** On whose behalf, where the spine is in this process. */
  identity?: Identity
}

/** Serves one host until it closes the pipe; then leases that were not accepted are given back. */
export async function serveMcpStdio({ spine, version, agent, identity }: StdioOptions): Promise<void> {
  const options = identity ? { identity } : {}
  const leases = holdLeases(spine, options, { connected: true })
  const session = { spine, leases, agent: agent ?? identity?.agent, options }
  const transport = new StdioServerTransport()
  const closed = Promise.withResolvers<void>()
  const handle = serveStdio(() => createMcpServer(session, version), { transport })
  // The host ends a session by closing our input, or by telling us to go.
  process.stdin.once('end', closed.resolve)
  process.stdin.once('close', closed.resolve)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => closed.resolve())
  await closed.promise
  await leases.close()
  await handle.close()
}

/** Answers one HTTP request of a host; `identity` is who asks, as the door found out. */
export type McpHandler = (request: Request, identity: Identity, body: unknown) => Promise<Response>

/** Who may share leases: the same namespace, and the same agent where a key is bound to one. */
const holderOf = ({ namespace, agent }: Identity) => `${namespace}\n${agent ?? ''}`
const MAX_HOLDERS = 10_000

export function mcpHandler({ spine, version }: { spine: Spine; version: string }): McpHandler {
  const holders = new Map<string, HeldLeases>()
  const leasesOf = (identity: Identity): HeldLeases => {
    const key = holderOf(identity)
    const known = holders.get(key) ?? holdLeases(spine, { identity }, { connected: false })
    holders.delete(key)
    holders.set(key, known)
    for (const oldest of holders.keys()) {
      if (holders.size <= MAX_HOLDERS) break
      holders.delete(oldest)
    }
    return known
  }
  const handler = createMcpHandler((context) => {
    const { identity, lost } = (context.authInfo?.extra ?? {}) as { identity: Identity; lost: AbortSignal }
    const session = { spine, leases: leasesOf(identity), agent: identity.agent, options: { identity }, lost }
    return createMcpServer(session, version)
  })
  return (request, identity, body) => {
    const authInfo = { token: '', clientId: holderOf(identity), scopes: [], extra: { identity, lost: request.signal } }
    return handler.fetch(request, { authInfo, ...(body === undefined ? {} : { parsedBody: body }) })
  }
}
