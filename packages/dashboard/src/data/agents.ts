/** The agents with their queues and breakers. */

import type { Agent } from '../../../spine/src/protocol/agent.ts'
import { call } from '../core/call.ts'
import { type Live, useLive } from '../core/live.ts'

/** Only their names, as they were when the page was opened: for lists to choose from. */
export const useAgentNames = (): readonly string[] =>
  useLive('agent names', async (signal) => {
    const { agents } = await call('agents', 'list', { limit: 1_000 }, signal)
    return agents.map(({ name }) => name)
  }).value ?? []

export const useAgents = (): Live<{ agents: Agent[]; next?: string | undefined }> =>
  useLive(
    'agents',
    (signal) => call('agents', 'list', { limit: 1_000 }, signal),
    ({ type }) => type.startsWith('delivery.') || type.startsWith('breaker.'),
  )
