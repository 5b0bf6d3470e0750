/** What the statements of deliveries share: the columns of a row, and the line that each move adds to its record. */

export const columns = `ns, id, envelope_id, source_agent, target, task_id, state, priority, claims, attempts, max_claims,
  max_attempts, epoch, accepted_epoch, token, last, ready_at, deadline, lease_until, lease_ms, late, reason, output,
  question, channel, successor, rerouted_from, generation, extra_hops, cycle, direct, timeouts, history, created_at, accepted_at, settled_at, updated_at`

/** With the table's name, because what an update joins has some of the same columns. */
export const row = columns.replaceAll(/\w+/g, 'deliveries.$&')

/** One line of JSON for the delivery's own record. */
export const note = (event: string, epoch: string, reason = 'null') =>
  `history || '{"at":' || $now || ',"event":"' || ${event} || '","epoch":' || ${epoch}
    || case when ${reason} is null then '' else ',"reason":' || ${reason} end || '}' || '\n'`
