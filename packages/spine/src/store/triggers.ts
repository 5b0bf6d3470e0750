/**
 * Triggers that write events: in the very commit that moves a row, whoever moved it. The two databases differ in how a
 * trigger is declared, not in what it does.
 */

import type { Dialect } from './database.ts'

type Trigger = {
  name: string
  on: 'insert' | 'update' | 'delete'
  table: string
  /** Only rows for which this holds. */
  when?: string
  statement: string
}

function declare(dialect: Dialect, { name, on, table, when, statement }: Trigger): string[] {
  const condition = when === undefined ? '' : ` when (${when})`
  if (dialect.name === 'sqlite')
    return [`create trigger ${name} after ${on} on ${table} for each row${condition} begin ${statement}; end`]
  return [
    `create function ${name}() returns trigger language plpgsql as $body$ begin ${statement}; return null; end $body$`,
    `create trigger ${name} after ${on} on ${table} for each row${condition} execute function ${name}()`,
  ]
}

/** Column by column, what an event takes from the row that it is about. */
const insertEvent = (dialect: Dialect, values: Readonly<Record<string, string>>): string =>
  `insert into events(tx, ${Object.keys(values).join(', ')}) values (${dialect.events.tx}, ${Object.values(values).join(', ')})`

const ofDelivery = {
  ns: 'new.ns',
  at: 'new.updated_at',
  type: `'delivery.' || new.last`,
  state: 'new.state',
  source_agent: 'new.source_agent',
  target: 'new.target',
  envelope_id: 'new.envelope_id',
  delivery_id: 'new.id',
  task_id: 'new.task_id',
  attempts: 'new.attempts',
  claims: 'new.claims',
  direct: 'new.direct',
  started_at: 'new.created_at',
  reason: 'new.reason',
}

/** Only of the first acceptance, and not after a redrive: what lay in the dead-letter box was not under way. */
const latency = `case when old.accepted_at is null and new.generation = 0 then new.accepted_at - new.created_at end`

const ofEnvelope = {
  ns: 'new.ns',
  at: 'new.stored_at',
  type: `case new.verified when 1 then 'handoff.create' else 'handoff.import' end`,
  source_agent: 'new.source_agent',
  target: 'new.target_agent',
  envelope_id: 'new.id',
  task_id: 'new.task_id',
}

const ofBreaker = (type: string) => ({
  ns: 'new.ns',
  at: 'new.updated_at',
  type: `'${type}'`,
  target: 'new.target',
  delivery_id: type === 'breaker.probed' ? 'new.probe_id' : 'null',
})

/** `data` holds what the alert says, its id among it. */
const ofAlert = (type: string, at: string) => ({
  ns: 'new.ns',
  at,
  type: `'${type}'`,
  target: 'new.target',
  data: 'new.data',
})

export function eventTriggers(dialect: Dialect): string[] {
  const insert = (values: Readonly<Record<string, string>>) => insertEvent(dialect, values)
  const triggers: Trigger[] = [
    { name: 'delivery_sent', on: 'insert', table: 'deliveries', statement: insert(ofDelivery) },
    {
      name: 'delivery_moved',
      on: 'update',
      table: 'deliveries',
      // A heartbeat moves nothing; a claim after a release is another lease.
      when: 'new.state <> old.state or new.last <> old.last',
      statement: insert({ ...ofDelivery, latency_ms: latency }),
    },
    {
      name: 'delivery_waited_for',
      on: 'update',
      table: 'deliveries',
      when: 'new.timeouts <> old.timeouts',
      statement: insert({ ...ofDelivery, type: `'delivery.ack_timeout'` }),
    },
    { name: 'handoff_sealed', on: 'insert', table: 'envelopes', statement: insert(ofEnvelope) },
    {
      name: 'breaker_opened',
      on: 'update',
      table: 'breakers',
      // Each look for a probe opens and closes it for a moment: only a failure opens it for its senders.
      when: `new.state = 'open' and new.failures <> old.failures`,
      statement: insert(ofBreaker('breaker.opened')),
    },
    {
      name: 'breaker_probed',
      on: 'update',
      table: 'breakers',
      when: `new.state = 'half_open' and old.state = 'half_open' and new.probe_id <> old.probe_id`,
      statement: insert(ofBreaker('breaker.probed')),
    },
    {
      name: 'breaker_closed',
      on: 'update',
      table: 'breakers',
      when: `new.state = 'closed' and old.state <> 'closed'`,
      statement: insert(ofBreaker('breaker.closed')),
    },
    {
      name: 'alert_raised',
      on: 'insert',
      table: 'alerts',
      statement: insert(ofAlert('alert.raised', 'new.raised_at')),
    },
    {
      name: 'alert_resolved',
      on: 'update',
      table: 'alerts',
      when: `new.state = 'resolved' and old.state = 'open'`,
      statement: insert(ofAlert('alert.resolved', 'new.resolved_at')),
    },
    {
      name: 'alert_acknowledged',
      on: 'update',
      table: 'alerts',
      when: `new.acknowledged_at is not null and old.acknowledged_at is null`,
      statement: insert(ofAlert('alert.acknowledged', 'new.acknowledged_at')),
    },
  ]
  return triggers.flatMap((trigger) => declare(dialect, trigger))
}
