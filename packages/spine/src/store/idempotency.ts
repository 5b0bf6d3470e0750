/** The statements of idempotency keys: a key names what was created by the first call that used it. */

import { setStatement } from './values.ts'

/** The first owner of a key keeps it; sorted, so that two nodes lock in the same order and agree on the winner. */
export const takeKeys = setStatement({
  columns: { ns: 'text', key: 'text', hash: 'text', owner: 'text', ref: 'text' },
  parameters: { now: 'int' },
  body: `with $input insert into idempotency(ns, key, hash, owner, ref, created_at)
    select i_ns, i_key, i_hash, i_owner, i_ref, $now from input where i_key is not null order by i_ns, i_key, i_owner
    on conflict (ns, key) do nothing`,
})

/** A statement of its own: in one with the insert, the loser of a race would see nothing. */
export const keyOwners = setStatement({
  columns: { ns: 'text', key: 'text' },
  body: `with $input select ns, key, hash, owner, ref from idempotency join input on ns = i_ns and key = i_key`,
})
