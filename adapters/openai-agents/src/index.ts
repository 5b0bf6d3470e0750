/** Memory Spine for the OpenAI Agents SDK: handoffs that carry a sealed, budgeted envelope instead of a chat history. */

export { envelopeOf, type SpineHandoffOptions, spineHandoff } from './handoff.ts'
export { itemsOfTurns, turnsOfItems } from './items.ts'
