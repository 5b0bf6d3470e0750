/** For the tests of those who build on Memory Spine: a spine in memory, time by hand, chains, checks, faults. */

export { type EffectLog, effectLog } from './testing/effects.ts'
export { expectConstraintsSurvived, expectIntentPreserved, expectNoDuplicateEffects } from './testing/expectations.ts'
export { type Fault, type FaultySpine, faultySpine, type Injection } from './testing/faulty-spine.ts'
export { type ManualClock, type ManualClockOptions, manualClock } from './testing/manual-clock.ts'
export { type ReceiverVersion, registerReceiver } from './testing/receiver-version.ts'
export { type ChainRun, type ChainStep, type RunChainOptions, runChain } from './testing/run-chain.ts'
export { type TestSpine, type TestSpineOptions, testSpine } from './testing/test-spine.ts'
