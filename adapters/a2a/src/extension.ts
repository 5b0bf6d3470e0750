/** The extension of A2A 1.0 by which a message carries an envelope: its uri, and the data part that holds it. */

import type { AgentExtension, Message, Part, Role } from '@a2a-js/sdk'
import { type Envelope, render } from 'memory-spine'

/** Names the extension in agent cards and messages; a number at its end is the major version of the envelope. */
export const EXTENSION_URI = 'urn:memory-spine:a2a:envelope:2'

const MEDIA_TYPE = 'application/vnd.memory-spine.envelope+json'

/** For the capabilities of an agent card. An agent without it reads the text beside the envelope. */
export const spineExtension = (): AgentExtension => ({
  uri: EXTENSION_URI,
  description: 'Messages carry a sealed Memory Spine envelope as a data part, and its text beside it.',
  required: false,
  params: undefined,
})

const part = (content: NonNullable<Part['content']>, mediaType: string): Part => ({
  content,
  mediaType,
  metadata: undefined,
  filename: '',
})

export const textPart = (text: string): Part => part({ $case: 'text', value: text }, 'text/plain')
export const dataPart = (value: unknown): Part => part({ $case: 'data', value }, 'application/json')

/** What a message is made of beside its parts; an id makes a repeat of it a repeat. */
export type MessageNames = { messageId: string; role: Role; contextId?: string; taskId?: string }

export const messageOf = ({ contextId = '', taskId = '', ...named }: MessageNames, parts: Part[]): Message => ({
  ...named,
  contextId,
  taskId,
  parts,
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
})

/** A message with an envelope: its text for agents that do not know the extension, the sealed document for those that do. */
export function envelopeMessage(envelope: Envelope, named: MessageNames): Message {
  const sealed = part({ $case: 'data', value: JSON.parse(JSON.stringify(envelope)) }, MEDIA_TYPE)
  return { ...messageOf(named, [textPart(render(envelope)), sealed]), extensions: [EXTENSION_URI] }
}

/** The envelope in a message, unchecked: importing it verifies version and digest. */
export function envelopeIn({ parts }: Message): Record<string, unknown> | undefined {
  for (const { content, mediaType } of parts) {
    const value = content?.$case === 'data' ? content.value : undefined
    if (typeof value === 'object' && value !== null && (mediaType === MEDIA_TYPE || 'envelope_version' in value))
      return value
  }
  return undefined
}

export const textIn = ({ parts }: { parts: Part[] }): string =>
  parts.flatMap(({ content }) => (content?.$case === 'text' ? [content.value] : [])).join('\n')

/** What a part says, as JSON. */
export const valueIn = ({ content }: Part): unknown =>
  content?.$case === 'data' || content?.$case === 'text' || content?.$case === 'url' ? content.value : null
