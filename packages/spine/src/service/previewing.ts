/**
 * The what-if of a handoff: collected once, fitted as often as it takes, nothing stored. Every fit takes a turn of its
 * own, so that a level map of sixty budgets keeps nobody waiting.
 */

import type { z } from 'zod'
import type { CountTokens } from '../protocol/agent.ts'
import type { contract } from '../protocol/contract.ts'
import type { Strategy } from '../protocol/envelope.ts'
import { handoffInput } from '../protocol/handoff.ts'
import type { Preview, PreviewVariant } from '../protocol/preview.ts'
import { type Candidates, described, textOf, variantOf, weightsOf } from '../rules/variants.ts'
import type { Assembly } from './assembly.ts'
import type { Caller, Service } from './context.ts'
import type { Envelopes } from './envelopes.ts'
import { candidatesOfSealed } from './sealed-candidates.ts'
import { tokenizer } from './tokenizers.ts'

type In = z.output<(typeof contract.handoffs)['preview']['input']>

/** Above every budget that can be asked for. */
const MAX_BUDGET = 1_000_000

/** What variants are made of, and what they are compared with. */
type Source = Pick<Preview, 'budget' | 'gaps'> & { candidates: Candidates; sealed?: Fitted }

type Fitted = ReturnType<typeof variantOf>
type Fit = (max_tokens: number) => Promise<Fitted>

export function previewOperations(service: Service, rooms: { envelopes: Envelopes; assembly: Assembly }) {
  const { envelopes, assembly } = rooms

  const sourceOfCall = async (call: In, caller: Caller): Promise<Source> => {
    const handoff = handoffInput.parse(call.handoff)
    const { candidates, budget_by, collected } = await assembly.prepare(service.newId('env'), handoff, caller, {
      largest: Math.max(0, ...(call.budgets ?? [])),
    })
    const { max_tokens, tokenizer: tokenizer_name } = candidates.draft.budget
    const budget = { max_tokens, set_by: budget_by, tokenizer: tokenizer_name, strategy: handoff.strategy }
    return { candidates, budget, gaps: collected.gaps }
  }

  const sourceOfSealed = async (id: string, { ns }: Caller): Promise<Source> => {
    const envelope = await envelopes.mustFind(ns, id)
    const { candidates, gaps } = await candidatesOfSealed(service, envelopes, ns, envelope)
    const { max_tokens, tokenizer: tokenizer_name, strategy = 'priority' } = envelope.budget
    const count = await tokenizer(tokenizer_name)
    return {
      candidates,
      gaps,
      budget: { max_tokens, set_by: 'sealed', tokenizer: tokenizer_name, strategy },
      sealed: { variant: described(envelope, envelope.token_count, candidates.memories, count), draft: envelope },
    }
  }

  const preview = async (call: In, caller: Caller): Promise<Preview> => {
    const warnings: string[] = []
    const source = call.envelope_id
      ? await sourceOfSealed(call.envelope_id, caller)
      : await sourceOfCall(call, { ...caller, warn: (warning) => void warnings.push(warning) })
    const { budget, candidates, gaps, sealed } = source
    const variants: PreviewVariant[] = []
    for (const tokenizer_name of call.tokenizers ?? [budget.tokenizer]) {
      const count = await tokenizer(tokenizer_name)
      const draft = { ...candidates.draft, budget: { ...candidates.draft.budget, tokenizer: tokenizer_name } }
      for (const strategy of call.strategies ?? [budget.strategy]) {
        const same = tokenizer_name === budget.tokenizer && strategy === budget.strategy
        // What was sealed is what its own budget gives, whatever of it is still known.
        const known = new Map(sealed && same ? [[budget.max_tokens, sealed]] : [])
        const fitAt = fits(service, { ...candidates, draft }, { strategy, count, known })
        variants.push(...(await variantsOf(fitAt, call.budgets ?? [budget.max_tokens], call)))
      }
    }
    const { source_agent, target_agent, task } = candidates.draft
    return {
      source_agent,
      target_agent,
      summary: task.summary,
      ...(call.envelope_id === undefined ? {} : { envelope_id: call.envelope_id }),
      ...(sealed ? { sealed: { ...sealed.variant, ...(call.text ? textOf(sealed.draft) : {}) } } : {}),
      budget,
      memories: listed(candidates),
      gaps,
      warnings,
      variants,
    }
  }

  return { preview }
}

/** Fits in turn, each budget once. */
function fits(
  service: Service,
  candidates: Candidates,
  { strategy, count, known }: { strategy: Strategy; count: CountTokens; known: Map<number, Fitted> },
): Fit {
  return async (max_tokens) => {
    const before = known.get(max_tokens)
    if (before) return before
    await service.turns.next()
    const fitted = variantOf(candidates, { max_tokens, strategy, count })
    known.set(max_tokens, fitted)
    return fitted
  }
}

async function variantsOf(fitAt: Fit, budgets: readonly number[], { steps, text }: In): Promise<PreviewVariant[]> {
  const variants: PreviewVariant[] = []
  for (const max_tokens of budgets) {
    const { variant, draft } = await fitAt(max_tokens)
    variants.push({
      ...variant,
      ...(steps > 0 ? { next_steps: await stepsAbove(fitAt, variant, steps) } : {}),
      ...(text ? textOf(draft) : {}),
    })
  }
  const smallest = await smallestOf(fitAt, budgets)
  return variants.map((variant) => (smallest === undefined ? variant : { ...variant, smallest }))
}

/** Doubles until it fits, then halves the distance. */
function smallestOf(fitAt: Fit, budgets: readonly number[]): Promise<number | undefined> {
  return firstAbove(0, Math.min(...budgets), async (max_tokens) => (await fitAt(max_tokens)).variant.fits)
}

/** The next budgets at which more relevance travels, and what changes there. */
async function stepsAbove(
  fitAt: Fit,
  from: PreviewVariant,
  steps: number,
): Promise<NonNullable<PreviewVariant['next_steps']>> {
  const found: NonNullable<PreviewVariant['next_steps']> = []
  let last = from
  for (let step = 0; step < steps; step += 1) {
    const { relevance, max_tokens, fits: fitted } = last
    const better = async (budget: number) => {
      const { variant } = await fitAt(budget)
      return variant.fits && (!fitted || variant.relevance > relevance)
    }
    const next = relevance >= 1 ? undefined : await firstAbove(max_tokens, max_tokens + 64, better)
    if (next === undefined) break
    const { variant } = await fitAt(next)
    found.push({ max_tokens: next, changes: changesBetween(last, variant) })
    last = variant
  }
  return found
}

/** The smallest budget above `low` that is good, as far as being good does not end again; `guess` is where to begin. */
async function firstAbove(
  low: number,
  guess: number,
  good: (budget: number) => Promise<boolean>,
): Promise<number | undefined> {
  let bad = low
  let enough = Math.max(guess, low + 1)
  while (!(await good(enough))) {
    if (enough >= MAX_BUDGET) return undefined
    bad = enough
    enough = Math.min(MAX_BUDGET, low + (enough - low) * 2)
  }
  while (enough - bad > 1) {
    const middle = Math.floor((bad + enough) / 2)
    if (await good(middle)) enough = middle
    else bad = middle
  }
  return enough
}

function changesBetween(before: PreviewVariant, after: PreviewVariant) {
  const levelsOf = ({ levels }: PreviewVariant) => new Map(levels.map(({ id, level }) => [id, level]))
  const [was, is] = [levelsOf(before), levelsOf(after)]
  return [...new Set([...is.keys(), ...was.keys()])]
    .map((id) => ({ id, from: was.get(id) ?? 'receipt', to: is.get(id) ?? 'receipt' }) as const)
    .filter(({ from, to }) => from !== to)
}

const OPENING_CHARS = 60

const openingOf = (content: string) => content.slice(0, OPENING_CHARS).toWellFormed().replace(/\s+/g, ' ').trim()

function listed({ memories }: Candidates): Preview['memories'] {
  const weights = weightsOf(memories)
  return memories.map(({ memory: { content, level: _level, digest: _digest, ...memory }, ...about }) => ({
    ...memory,
    ...(memory.title === undefined ? { opening: openingOf(content) } : {}),
    requested: about.requested,
    score: about.score,
    weight: Math.round((weights.get(memory.id) ?? 0) * 10_000) / 10_000,
  }))
}
