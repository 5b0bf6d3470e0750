/** Handoffs: make, import, read, list, and walk the chain back. */

import type { z } from 'zod'
import type { contract } from '../protocol/contract.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { SpineError } from '../protocol/errors.ts'
import { render } from '../protocol/render.ts'
import { sealedOf } from '../protocol/versions.ts'
import { fidelityOf, wayBetween } from '../rules/fidelity.ts'
import { deliveriesOfEnvelope } from '../store/deliveries.ts'
import * as sql from '../store/envelopes.ts'
import type { Assembly, HandoffCall } from './assembly.ts'
import type { Caller, Service } from './context.ts'
import { toDelivery, toHandoff } from './documents.ts'
import type { Envelopes } from './envelopes.ts'
import { claimKey, earlierRef, findEarlier, readKeys, takeKeys } from './idempotency.ts'
import { tokenizer } from './tokenizers.ts'

type In<N extends keyof typeof contract.handoffs> = z.output<(typeof contract.handoffs)[N]['input']>

export function handoffOperations(
  service: Service,
  { envelopes, assembly }: { envelopes: Envelopes; assembly: Assembly },
) {
  const { database } = service
  const { dialect } = database

  const create = async (call: HandoffCall, caller: Caller): Promise<Envelope> => {
    const { ns } = caller
    const id = service.newId('env')
    // A repeat may come from another span of the same trace.
    const { idempotency_key: key, traceparent: _, ...body } = call
    const claim = claimKey(service, { ns, key, operation: 'handoffs.create', body, ref: id })
    const earlier = await findEarlier(service, claim)
    if (earlier !== undefined) return envelopes.mustFind(ns, earlier)
    const made = await assembly.assemble(id, call, caller)
    const claims = claim ? [claim] : []
    const statements = assembly.statementsOf(ns, made, claim)
    const tables = await database.write([...takeKeys(service, claims), ...statements, ...readKeys(service, claims)])
    const faster = claim && earlierRef(claim, tables.at(-1) ?? [])
    return faster === undefined ? envelopes.keep(ns, made.envelope, made.bytes) : envelopes.mustFind(ns, faster)
  }

  const lineageOf = async (ns: string, id: string): Promise<Envelope[]> => {
    const found = new Map<string, Envelope>()
    let next = [(await envelopes.mustFind(ns, id)).id]
    while (next.length > 0) {
      for (const [key, envelope] of await envelopes.findMany(ns, next)) found.set(key, envelope)
      const before = next.flatMap((key) => found.get(key)?.chain.previous.map((link) => link.id) ?? [])
      next = [...new Set(before)].filter((key) => !found.has(key))
    }
    return [...found.values()].sort((left, right) => left.chain.hop - right.chain.hop || (left.id < right.id ? -1 : 1))
  }

  /** Between two envelopes of different branches there is no way: they are compared as they are. */
  const diff = async ({ a, b }: In<'diff'>, { ns }: Caller) => {
    const way = wayBetween(await lineageOf(ns, b), a, b)
    return way
      ? fidelityOf(way, 'chain')
      : fidelityOf([await envelopes.mustFind(ns, a), await envelopes.mustFind(ns, b)], 'direct')
  }

  const find = async (ns: string, id: string) => {
    const [statement] = sql.envelopeRecords(dialect, [{ ns, id }])
    return statement && (await database.read(statement))[0]
  }

  const record = async (ns: string, id: string) => {
    const row = await find(ns, id)
    if (!row)
      throw new SpineError('ENVELOPE_NOT_FOUND', `There is no envelope ${id} in namespace ${ns}.`, { envelope_id: id })
    return row
  }

  return {
    create,
    import: async (input: In<'import'>, { ns, agent }: Caller) => {
      const { envelope, bytes } = envelopes.checkForeign(input.envelope)
      if (agent !== undefined && envelope.source_agent !== agent)
        throw new SpineError('FORBIDDEN', `The key is that of ${agent}; the envelope is from ${envelope.source_agent}.`)
      const known = await find(ns, envelope.id)
      if (!known)
        await database.write(
          sql.storeEnvelopes(dialect, [envelopes.rowOf(ns, envelope, bytes, { verified: false, trail: '[]' })]),
        )
      const row = known ?? (await record(ns, envelope.id))
      if (row.digest !== envelope.digest)
        throw new SpineError('ENVELOPE_CONFLICT', `Another envelope with the id ${envelope.id} is stored.`, {
          envelope_id: envelope.id,
          digest: row.digest,
        })
      return { ...toHandoff(row), ...(known ? { duplicate: true } : {}) }
    },
    get: async ({ id, version }: In<'get'>, { ns }: Caller) =>
      version === undefined ? sealedOf(await envelopes.mustFind(ns, id)) : envelopes.forReader(ns, id, [version]),
    text: async ({ id, format }: In<'text'>, { ns }: Caller) => {
      const envelope = await envelopes.mustFind(ns, id)
      const text = render(envelope, { format })
      const count = await tokenizer(envelope.budget.tokenizer)
      await service.turns.next()
      return { envelope_id: id, format, text, tokens: count(text) }
    },
    status: async ({ id }: In<'status'>, { ns }: Caller) => {
      const row = await record(ns, id)
      const deliveries = await database.read(
        deliveriesOfEnvelope(dialect, { ns, envelope_id: id, target: null, state: null, before: null, limit: 1_000 }),
      )
      return { ...toHandoff(row), deliveries: deliveries.map(toDelivery) }
    },
    list: async ({ task_id, root_id, source_agent, target_agent, limit, after }: In<'list'>, { ns }: Caller) => {
      const filters = {
        task_id: task_id ?? null,
        root_id: root_id ?? null,
        source_agent: source_agent ?? null,
        target_agent: target_agent ?? null,
      }
      const rows = await database.read(sql.listEnvelopes(dialect, { ns, ...filters, before: after ?? null, limit }))
      const last = rows.length === limit ? rows.at(-1) : undefined
      return { handoffs: rows.map(toHandoff), ...(last ? { next: String(last.id) } : {}) }
    },
    lineage: async ({ id }: In<'lineage'>, { ns }: Caller) => ({
      envelopes: (await lineageOf(ns, id)).map(sealedOf),
    }),
    diff,
  }
}
