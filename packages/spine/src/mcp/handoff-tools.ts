/** The tools of handing over: make, take, read, answer, hand on. Shapes come from the contract, words are for models. */

import { z } from 'zod'
import { deliveryState, nackKind } from '../protocol/delivery.ts'
import { handoffInput } from '../protocol/handoff.ts'
import { render } from '../protocol/render.ts'
import { id, json, name, text } from '../protocol/scalars.ts'
import { briefOf } from './held.ts'
import { agentOf, type Session } from './session.ts'
import { type CallContext, tool } from './tool.ts'

const agent = name.optional().describe('Your own agent name. Only where the session has none.')
const delivery_id = id.describe('As handoff_inbox answered it.')
const { target_agent, task_summary, intent, constraints, state, memory_ids, expected_output, max_tokens } =
  handoffInput.shape

/** What a model may say of a handoff; everything else has its default. */
const content = {
  task_summary: task_summary.describe(
    'What the next agent must do now, in full sentences. Name memories by their ids.',
  ),
  intent: intent.describe(
    "The user's own words, verbatim. Only for the first handoff of a task: later ones inherit it.",
  ),
  constraints: constraints.describe(
    'Limits that must hold down the chain. They may be added or narrowed, never widened.',
  ),
  state: state.describe(
    'Where the work stands: progress, decisions with reasons and rejected options, remaining, open_questions.',
  ),
  memory_ids: memory_ids.describe('Memories that the next agent needs.'),
  expected_output: expected_output.describe('What it should produce: format, length, criteria.'),
  max_tokens: max_tokens.describe('Budget of the envelope in tokens.'),
  task_id: handoffInput.shape.task_id,
}

const brief = {
  delivery_id: id,
  envelope_id: id,
  from: name,
  to: name,
  state: deliveryState,
  reason: text.optional(),
  question: text.optional(),
  output: json.optional(),
}

const sealed = {
  envelope_id: id,
  token_count: z.int(),
  memory_refs: z.array(z.string()),
  warnings: z.array(z.string()),
}
const opened = {
  ...brief,
  hop: z.int(),
  token_count: z.int(),
  text: z.string(),
  gaps: z.array(z.looseObject({ id: z.string(), reason: z.string() })),
}

async function inWords<T>(context: CallContext, make: (onWarning: (warning: string) => void) => Promise<T>) {
  const warnings: string[] = []
  const made = await make((warning) => void warnings.push(warning))
  for (const warning of warnings) context.warn(warning)
  return { made, warnings }
}

/** A waiting sender holds the call; a model should get an answer before its own client gives up. */
const MAX_WAIT_MS = 45_000

const create = tool({
  title: 'Hand work to another agent',
  description:
    "Packs what the next agent needs into a sealed envelope and sends it. The user's intent and all constraints of the task travel by themselves; say what must be done next, what was decided and why, and which memories matter. Answers at once; handoff_status tells what became of it.",
  input: z.object({ target_agent: target_agent.describe('Who takes over.'), ...content, agent }),
  output: z.object({ ...sealed, ...brief }),
  async run(session, { agent: named, ...input }, context) {
    const source_agent = session.agent ?? named
    const trace = context.traceparent === undefined ? {} : { traceparent: context.traceparent }
    const call = { ...input, ...trace, ...(source_agent === undefined ? {} : { source_agent }) }
    const { made, warnings } = await inWords(context, (onWarning) =>
      session.spine.handoffs.create(call, { ...session.options, onWarning }),
    )
    const delivery = await session.spine.deliveries.send({ envelope_id: made.id }, session.options)
    const { token_count, memory_refs } = made
    return { ...briefOf(delivery), token_count, memory_refs, warnings }
  },
})

const inbox = tool({
  title: 'Take work from your inbox',
  description:
    'Takes the next handoffs that were sent to you and reads them to you. You hold each of them from now on: accept it with handoff_ack, then finish it with handoff_complete or handoff_forward. An empty list means that nothing is waiting.',
  input: z.object({
    agent,
    max: z.int().min(1).max(10).default(1).describe('At most so many.'),
    wait_seconds: z
      .int()
      .min(0)
      .max(MAX_WAIT_MS / 1_000)
      .default(0)
      .describe('Wait so long for one to come.'),
  }),
  output: z.object({ deliveries: z.array(z.object(opened)) }),
  async run(session, { agent: named, max, wait_seconds }, { signal }) {
    const who = agentOf(session, named)
    const { lease_ms } = session.leases
    const { deliveries } = await session.spine.deliveries.receive(
      { agent: who, max, wait_ms: wait_seconds * 1_000, lease_ms },
      { ...session.options, ...(signal ? { signal } : {}) },
    )
    for (const delivery of deliveries) session.leases.hold(delivery, who)
    // Nobody has read them: whoever asks next gets them, and need not wait for the leases to end.
    const giveBack = () => void session.leases.release(deliveries)
    if (session.lost?.aborted) giveBack()
    else session.lost?.addEventListener('abort', giveBack, { once: true })
    return {
      deliveries: deliveries.map(({ envelope, ...delivery }) => ({
        ...briefOf(delivery),
        hop: envelope.chain.hop,
        token_count: envelope.token_count,
        text: render(envelope),
        gaps: envelope.completeness.gaps,
      })),
    }
  },
  text: ({ deliveries }) =>
    deliveries.length === 0
      ? 'Nothing is waiting for you.'
      : deliveries.map((one) => `# Delivery ${one.delivery_id} from ${one.from}\n\n${one.text}`).join('\n\n'),
})

const open = tool({
  title: 'Read an envelope',
  description:
    'Reads a sealed envelope again, as its receiver reads it, with the memories behind its references. Use it when the text in the inbox left something out that you need.',
  input: z.object({
    envelope_id: id,
    resolve: z.array(id).max(20).default([]).describe('Ids of memories to read whole.'),
  }),
  output: z.object({
    envelope_id: id,
    text: z.string(),
    memories: z.array(z.looseObject({ id: z.string(), content: z.string(), version: z.int() })),
    gaps: z.array(z.looseObject({ id: z.string(), reason: z.string() })),
  }),
  reads: true,
  async run({ spine, options }, { envelope_id, resolve }) {
    const envelope = await spine.handoffs.get({ id: envelope_id }, options)
    const none = { memories: [], gaps: [] as { id: string; reason: string }[] }
    const found = resolve.length ? await spine.memories.resolve({ refs: resolve, envelope_id }, options) : none
    const memories = found.memories.map(({ id: memory_id, content, version }) => ({ id: memory_id, content, version }))
    return { envelope_id, text: render(envelope), memories, gaps: [...envelope.completeness.gaps, ...found.gaps] }
  },
  text: ({ text: rendered, memories, gaps }) =>
    [
      rendered,
      ...memories.map((memory) => `[${memory.id} v${memory.version}]\n${memory.content}`),
      ...(gaps.length ? [`Missing: ${gaps.map((gap) => `${gap.id} (${gap.reason})`).join(', ')}`] : []),
    ].join('\n\n'),
})

const acknowledgement = z.enum(['accepted', ...nackKind.options.filter((kind) => kind !== 'retry' && kind !== 'fatal')])

const ack = tool({
  title: 'Answer a delivery',
  description:
    'Answers a delivery that you took: `accepted` when you take responsibility for the work (do this before you begin), `declined` when somebody else should do it, `needs_clarification` with a question that the sender must answer first.',
  input: z.object({
    delivery_id,
    answer: acknowledgement,
    reason: text.max(2_000).default('').describe('Why, or with needs_clarification: the question.'),
  }),
  output: z.object(brief),
  repeatable: true,
  async run({ spine, leases, options }, { delivery_id: which, answer, reason }) {
    const { id: delivery, lease_token } = leases.find(which)
    if (answer === 'accepted')
      return briefOf(await spine.deliveries.accept({ id: delivery, lease_token, lease_ms: leases.lease_ms }, options))
    const nack = { id: delivery, lease_token, kind: answer as 'declined', reason: reason || 'no reason was given' }
    const answered = await spine.deliveries.nack(nack, options)
    leases.drop(which)
    return briefOf(answered)
  },
})

const complete = tool({
  title: 'Finish a delivery',
  description: 'The work of a delivery is done. The output goes to whoever asks for it; the chain ends here.',
  input: z.object({ delivery_id, output: json.optional().describe('What you made: text or JSON.') }),
  output: z.object(brief),
  repeatable: true,
  async run({ spine, leases, options }, { delivery_id: which, output }) {
    const { id: delivery, lease_token } = leases.find(which)
    const call = { id: delivery, lease_token, ...(output === undefined ? {} : { output }) }
    const done = await spine.deliveries.complete(call, options)
    leases.drop(which)
    return briefOf(done)
  },
})

const forward = tool({
  title: 'Finish and hand on',
  description:
    'Finishes a delivery and hands the work to the next agent, both or neither. The chain goes on: intent, constraints and history travel by themselves.',
  input: z.object({
    delivery_id,
    target_agent: name.optional().describe("Who is next. Left out: the successor in your agent's profile."),
    output: json.optional().describe('What you made; the next agent finds it in the history.'),
    ...content,
  }),
  output: z.object({ ...sealed, ...brief }),
  async run({ spine, leases, options }, { delivery_id: which, output, ...handoff }, context) {
    const { id: delivery, lease_token } = leases.find(which)
    const trace = context.traceparent === undefined ? {} : { traceparent: context.traceparent }
    const { intent: _intent, task_id: _task, ...next } = handoff
    const call = {
      id: delivery,
      lease_token,
      handoff: { ...next, ...trace },
      ...(output === undefined ? {} : { output }),
    }
    const { made, warnings } = await inWords(context, (onWarning) =>
      spine.deliveries.forward(call, { ...options, onWarning }),
    )
    leases.drop(which)
    const { envelope, deliveries } = made
    const [sent] = deliveries
    const { token_count, memory_refs } = envelope
    return { ...briefOf(sent ?? made.delivery), token_count, memory_refs, warnings }
  },
})

const status = tool({
  title: 'See what became of a handoff',
  description: 'Tells where the deliveries of an envelope are, and what their receivers answered.',
  input: z.object({ envelope_id: id }),
  output: z.object({ envelope_id: id, hop: z.int(), completeness: z.number(), deliveries: z.array(z.object(brief)) }),
  reads: true,
  async run({ spine, options }: Session, { envelope_id }) {
    const { hop, completeness, deliveries } = await spine.handoffs.status({ id: envelope_id }, options)
    return { envelope_id, hop, completeness, deliveries: deliveries.map(briefOf) }
  },
})

export const handoffTools = Object.freeze({
  handoff_create: create,
  handoff_inbox: inbox,
  handoff_open: open,
  handoff_ack: ack,
  handoff_complete: complete,
  handoff_forward: forward,
  handoff_status: status,
})
