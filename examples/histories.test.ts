// What was said and done goes from the messages of any framework into those of any other, and no tool call is torn from
// its result, left alone or made twice on the way, however broken the messages were.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AIMessage, BaseMessage, ToolMessage } from '@langchain/core/messages'
import * as aiSdk from '@memory-spine/ai-sdk'
import * as langgraph from '@memory-spine/langgraph'
import * as openai from '@memory-spine/openai-agents'
import type { AgentInputItem } from '@openai/agents'
import { type ModelMessage, modelMessageSchema } from 'ai'
import fc from 'fast-check'
import { historyOf, type Turn, turnsOf } from 'memory-spine'

/** What a message says of calls, as the framework's own format has it. */
type Seen = { kind: 'call' | 'result'; call_id: string } | undefined

type Framework = {
  name: string
  messages(turns: readonly Turn[]): unknown[]
  turns(messages: unknown[]): Turn[]
  seen(message: unknown): Seen
}

const frameworks: readonly Framework[] = [
  {
    name: 'OpenAI Agents SDK',
    messages: openai.itemsOfTurns,
    turns: (items) => openai.turnsOfItems(items as AgentInputItem[]),
    seen(item) {
      const { type, callId: call_id } = item as { type?: string; callId: string }
      if (type === 'function_call') return { kind: 'call', call_id }
      return type === 'function_call_result' ? { kind: 'result', call_id } : undefined
    },
  },
  {
    name: 'LangChain',
    messages: langgraph.messagesOfTurns,
    turns: (messages) => langgraph.turnsOfMessages(messages as BaseMessage[]),
    seen(message) {
      const { type } = message as BaseMessage
      if (type === 'tool') return { kind: 'result', call_id: (message as ToolMessage).tool_call_id }
      const [call] = (message as AIMessage).tool_calls ?? []
      return call && { kind: 'call', call_id: String(call.id) }
    },
  },
  {
    name: 'AI SDK',
    messages: aiSdk.messagesOfTurns,
    turns: (messages) => aiSdk.turnsOfMessages(messages as ModelMessage[]),
    seen(message) {
      assert.ok(modelMessageSchema.safeParse(message).success, JSON.stringify(message))
      const { content } = message as ModelMessage
      const [part] = typeof content === 'string' ? [] : (content as { type: string; toolCallId: string }[])
      if (part?.type === 'tool-call') return { kind: 'call', call_id: part.toolCallId }
      return part?.type === 'tool-result' ? { kind: 'result', call_id: part.toolCallId } : undefined
    },
  },
]

const call_id = fc.constantFrom('c1', 'c2', 'c3', 'c4')
const record = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(shape, { noNullPrototype: true })
const turn: fc.Arbitrary<Turn> = fc.oneof(
  record({
    kind: fc.constant('message' as const),
    role: fc.constantFrom('user' as const, 'assistant' as const),
    text: fc.string({ minLength: 1 }),
  }),
  record({
    kind: fc.constant('call' as const),
    call_id,
    name: fc.constantFrom('search', 'read'),
    arguments: fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue(), { noNullPrototype: true }),
  }),
  record({ kind: fc.constant('result' as const), call_id, output: fc.oneof(fc.string(), fc.jsonValue()) }),
)
const turns = fc.array(turn, { maxLength: 16 })

for (const from of frameworks)
  for (const to of frameworks)
    test(`from ${from.name} to ${to.name}, every call has its result right behind it, and none stands twice`, () => {
      fc.assert(
        fc.property(turns, (given) => {
          const history = historyOf(from.turns(from.messages(given)), 'coder')
          const seen = to.messages(turnsOf(history)).map(to.seen)
          const calls = seen.filter((one) => one?.kind === 'call')
          assert.equal(new Set(calls.map((one) => one?.call_id)).size, calls.length)
          for (const [index, one] of seen.entries()) {
            const other = one?.kind === 'call' ? seen[index + 1] : seen[index - 1]
            if (one) assert.deepEqual(other, { ...one, kind: one.kind === 'call' ? 'result' : 'call' })
          }
        }),
      )
    })

test('what the user said arrives word for word', () => {
  for (const from of frameworks)
    for (const to of frameworks)
      fc.assert(
        fc.property(turns, (given) => {
          const words = (all: readonly Turn[]) =>
            all.flatMap((one) => (one.kind === 'message' && one.role === 'user' ? [one.text] : []))
          const history = historyOf(from.turns(from.messages(given)), 'coder')
          assert.deepEqual(words(to.turns(to.messages(turnsOf(history)))), words(given), `${from.name} to ${to.name}`)
        }),
      )
})
