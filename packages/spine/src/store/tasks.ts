/** The statements of tasks. The intent is written once; the state lives in the last envelope sealed for the task. */

import { namedStatement } from './values.ts'

const columns = `ns, id, intent, constraints, locked, last_envelope_id, created_at, updated_at`

/** Makes the task, or changes its constraints as long as nothing was sealed for it. The intent is never replaced. */
export const putTask = namedStatement({
  parameters: { ns: 'text', id: 'text', intent: 'text', constraints: 'text', locked: 'text', now: 'int' },
  body: `insert into tasks(${columns}) values ($ns, $id, $intent, $constraints, $locked, null, $now, $now)
    on conflict (ns, id) do update set constraints = excluded.constraints, locked = excluded.locked,
      updated_at = excluded.updated_at
    where tasks.intent = excluded.intent and tasks.last_envelope_id is null`,
})

/** Makes a task that a handoff names for the first time, if that handoff was stored. */
export const openTask = namedStatement({
  parameters: { ns: 'text', id: 'text', intent: 'text', envelope_id: 'text', now: 'int' },
  body: `insert into tasks(${columns}) select $ns, $id, $intent, '{}', '[]', null, $now, $now
    where exists (select 1 from envelopes where envelopes.ns = $ns and envelopes.id = $envelope_id)
    on conflict (ns, id) do nothing`,
})

export const setLastEnvelope = namedStatement({
  parameters: { ns: 'text', id: 'text', envelope_id: 'text', now: 'int' },
  body: `update tasks set last_envelope_id = $envelope_id, updated_at = $now where ns = $ns and id = $id
    and (last_envelope_id is null or last_envelope_id < $envelope_id)
    and exists (select 1 from envelopes where envelopes.ns = $ns and envelopes.id = $envelope_id)`,
})

export const taskById = namedStatement({
  parameters: { ns: 'text', id: 'text' },
  body: `select ${columns} from tasks where ns = $ns and id = $id`,
})
