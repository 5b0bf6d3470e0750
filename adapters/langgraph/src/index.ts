/** Memory Spine for LangGraph: a tool to hand over with an envelope, and a store over memories. */

export { createSpineHandoffTool, type SpineHandoffToolOptions } from './handoff-tool.ts'
export { messagesOfTurns, turnsOfMessages } from './messages.ts'
export { SpineStore, type SpineStoreOptions } from './store.ts'
