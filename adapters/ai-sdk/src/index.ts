/** Memory Spine for the AI SDK: tools to hand over and remember, and the envelope in front of a model. */

export { messagesOfTurns, turnsOfMessages } from './messages.ts'
export { type SpinePrepareStepOptions, spinePrepareStep } from './prepare-step.ts'
export { type SpineToolsOptions, spineTools } from './tools.ts'
