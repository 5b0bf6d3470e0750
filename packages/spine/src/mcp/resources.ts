/** What a host may read by address: sealed envelopes, and memories at a version. */

import { type McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import { SpineError } from '../protocol/errors.ts'
import { render } from '../protocol/render.ts'
import type { Session } from './session.ts'

const decoded = (value: string | string[] | undefined): string => decodeURIComponent(String(value))

/** `ms-7@2` is version 2, `ms-7` the newest. An id may have an @ in it: only a number behind the last one is a version. */
function parts(reference: string): { id: string; version?: number } {
  const [, id, version] = /^(.+)@(\d{1,9})$/.exec(reference) ?? []
  return id === undefined ? { id: reference } : { id, version: Number(version) }
}

export function addResources(server: McpServer, { spine, options }: Session): void {
  server.registerResource(
    'envelope',
    new ResourceTemplate('spine://envelope/{id}', { list: undefined }),
    { title: 'A sealed envelope', description: 'As its receiver reads it.', mimeType: 'text/markdown' },
    async (uri, { id }) => {
      const envelope = await spine.handoffs.get({ id: decoded(id) }, options)
      return { contents: [{ uri: uri.href, mimeType: 'text/markdown', text: render(envelope) }] }
    },
  )
  server.registerResource(
    'memory',
    new ResourceTemplate('spine://memory/{reference}', { list: undefined }),
    { title: 'A memory', description: 'spine://memory/{id}, or {id}@{version}.', mimeType: 'text/plain' },
    async (uri, { reference }) => {
      const named = decoded(reference)
      // The whole may be an id itself.
      const memory = await spine.memories.get(parts(named), options).catch((error) => {
        if (error instanceof SpineError && error.code === 'MEMORY_NOT_FOUND' && parts(named).version !== undefined)
          return spine.memories.get({ id: named }, options)
        throw error
      })
      return { contents: [{ uri: uri.href, mimeType: 'text/plain', text: memory.content }] }
    },
  )
}
