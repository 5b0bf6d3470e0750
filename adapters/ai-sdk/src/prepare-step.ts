/** Gives a model the envelope that its agent was handed. */

import type { Instructions, ModelMessage, PrepareStepFunction, PrepareStepResult, ToolSet } from 'ai'
import { type Envelope, render } from 'memory-spine'

export type SpinePrepareStepOptions = {
  /**
   * `instructions` (default): the text of the envelope stands behind the agent's own instructions in every step.
   * `messages`: it is the first message of the user, in front of what was said since.
   */
  into?: 'instructions' | 'messages'
}

function behind(own: Instructions | undefined, text: string): Instructions {
  if (own === undefined) return text
  if (typeof own === 'string') return `${own}\n\n${text}`
  return [...[own].flat(), { role: 'system', content: text }]
}

/** For `prepareStep` of generateText, streamText and ToolLoopAgent. */
export function spinePrepareStep<TOOLS extends ToolSet = ToolSet>(
  envelope: Envelope,
  { into = 'instructions' }: SpinePrepareStepOptions = {},
): PrepareStepFunction<TOOLS> {
  const text = render(envelope)
  return ({ initialInstructions, messages }) => {
    const [first] = messages
    if (into === 'instructions') return { instructions: behind(initialInstructions, text) } as PrepareStepResult<TOOLS>
    // Messages that a step was given are carried into the next one.
    if (first?.role === 'user' && first.content === text) return {} as PrepareStepResult<TOOLS>
    const read: ModelMessage = { role: 'user', content: text }
    return { messages: [read, ...messages] } as PrepareStepResult<TOOLS>
  }
}
