/**
 * Idempotency keys: a key names what the first call with it created. A repeat with the same body is answered with that
 * thing as it is now; another body is a conflict. The key is taken in the commit that creates.
 */

import { canonicalBytes, sha256 } from '../protocol/canonical.ts'
import { SpineError } from '../protocol/errors.ts'
import type { Row, Statement } from '../store/database.ts'
import * as sql from '../store/idempotency.ts'
import type { Service } from './context.ts'

/** What a creating call puts on its key: who it is, and what it is about to create. */
export type KeyClaim = { ns: string; key: string; hash: string; owner: string; ref: string }

/** Nothing when the caller gave no key. `body` is what must be the same in a repeat. */
export function claimKey(
  service: Service,
  call: { ns: string; key: string | undefined; operation: string; body: unknown; ref: string },
): KeyClaim | undefined {
  const { ns, key, operation, body, ref } = call
  if (key === undefined) return undefined
  return { ns, key, hash: sha256(canonicalBytes([operation, body])), owner: service.newId('own'), ref }
}

export const takeKeys = (service: Service, claims: readonly KeyClaim[]): Statement[] =>
  claims.length === 0 ? [] : sql.takeKeys(service.database.dialect, claims, { now: service.clock.now() })

export const readKeys = (service: Service, claims: readonly KeyClaim[]): Statement[] =>
  sql.keyOwners(service.database.dialect, claims)

/** The thing that an earlier call created under this key, if it was not ours. Throws IDEMPOTENCY_CONFLICT. */
export function earlierRef(claim: KeyClaim, rows: readonly Row[]): string | undefined {
  const row = rows.find((candidate) => candidate.ns === claim.ns && candidate.key === claim.key)
  if (!row || row.owner === claim.owner) return undefined
  if (row.hash !== claim.hash)
    throw new SpineError('IDEMPOTENCY_CONFLICT', `The key ${claim.key} was used for a different call.`, {
      idempotency_key: claim.key,
    })
  return String(row.ref)
}

/** Looks before the work is done; the commit decides all the same. */
export async function findEarlier(service: Service, claim: KeyClaim | undefined): Promise<string | undefined> {
  if (!claim) return undefined
  const tables = await Promise.all(readKeys(service, [claim]).map((statement) => service.database.read(statement)))
  const earlier = earlierRef(claim, tables.flat())
  // What can be read may still be on its way to a standby: who is told of it must find it there.
  if (earlier !== undefined) await service.database.write([])
  return earlier
}
