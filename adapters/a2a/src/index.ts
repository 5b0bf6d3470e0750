/** Memory Spine over A2A 1.0: envelopes in messages, spine agents as A2A servers, A2A agents as delivery targets. */

export { type SpineExecutorOptions, spineExecutor, taskStateOf } from './executor.ts'
export { EXTENSION_URI, envelopeIn, envelopeMessage, spineExtension } from './extension.ts'
export { type A2AClient, type A2ATargetOptions, receiveForA2A } from './target.ts'
