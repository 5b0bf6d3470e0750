/** The operations on agents. */

import { z } from 'zod'
import { agent, agentProfile } from '../agent.ts'
import { name } from '../scalars.ts'
import { after, limit, operation, page } from './operation.ts'

/**
 * What pushed deliveries are signed with: `whsec_` and base64 of 24 to 64 bytes, several while one is exchanged for
 * another. Never read back; left out, those of the same `push_url` stay.
 */
const push_secrets = z.array(z.string().max(128)).min(1).max(4).optional().meta({ writeOnly: true })

export const agents = Object.freeze({
  put: operation({
    method: 'PUT',
    path: '/v1/agents/:name',
    summary: "Set an agent's profile: window, tokenizer, versions, fallback, successor, the address it is pushed to.",
    input: agentProfile.extend({ name, push_secrets }),
    output: agent,
    errors: ['FORBIDDEN'],
  }),
  get: operation({
    method: 'GET',
    path: '/v1/agents/:name',
    summary: 'Read an agent with its queue.',
    input: z.strictObject({ name }),
    output: agent,
    errors: ['AGENT_NOT_FOUND'],
  }),
  list: operation({
    method: 'GET',
    path: '/v1/agents',
    summary: 'List the agents that were registered or sent to.',
    input: z.strictObject({ limit: limit.default(200), after }),
    output: page('agents', agent),
    errors: [],
  }),
  reset_breaker: operation({
    method: 'POST',
    path: '/v1/agents/:name/breaker/reset',
    summary: 'Close the breaker of an agent by hand.',
    input: z.strictObject({ name }),
    output: agent,
    errors: ['AGENT_NOT_FOUND'],
    repeatable: true,
  }),
})
