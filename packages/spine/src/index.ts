/** The light entry: the language, its renderer and the clients. Reaches zod and nothing heavier. */

export type { Channel, PublishOptions } from './client/channel.ts'
export { type ConnectOptions, connect } from './client/connect.ts'
export { type ContextMemory, type ContextOptions, type OpenContext, openContext } from './client/context.ts'
export type { EventOptions } from './client/events.ts'
export type { Forwarded, ForwardInput } from './client/forward.ts'
export { HandoffClient, type HandoffClientOptions, type SendOptions } from './client/handoff-client.ts'
export { Inbox, type InboxOptions, type OnceOptions } from './client/inbox.ts'
export type { Lease } from './client/lease.ts'
export { type InboxStore, marksInMemory, type Taken } from './client/marks.ts'
export {
  type DeliverOptions,
  MemorySpine,
  type MemorySpineOptions,
  type OpenOptions,
  type ParkedDelivery,
  type ParkOptions,
} from './client/memory-spine.ts'
export type { Nack } from './client/nack.ts'
export type { Pacing } from './client/pacing.ts'
export type { ReceiveOptions, Receiver, StopOptions } from './client/receive.ts'
export type { Handler, Received } from './client/received.ts'
export { historyOf, type Turn, turnsOf } from './client/transcript.ts'
export { canonicalBytes, digestOf } from './protocol/canonical.ts'
export type { Publication } from './protocol/channel.ts'
export { contract } from './protocol/contract.ts'
export { type Delivery, type DeliveryState, deliveryTable } from './protocol/delivery.ts'
export type { Envelope } from './protocol/envelope.ts'
export {
  CircuitOpenError,
  type ErrorCode,
  errorTable,
  HandoffError,
  HandoffTimeoutError,
  SpineError,
} from './protocol/errors.ts'
export type { SpineEvent } from './protocol/event.ts'
export type { Handoff, HandoffInput } from './protocol/handoff.ts'
export { type EnvelopeMajor, envelopeJsonSchema } from './protocol/json-schema.ts'
export type { Memory, MemoryInput } from './protocol/memory.ts'
export { render } from './protocol/render.ts'
export type { CallOptions, Identity, Spine } from './protocol/spine.ts'
export { parseEnvelope } from './protocol/versions.ts'
