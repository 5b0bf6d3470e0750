/**
 * The tables, as numbered migrations. Every table is keyed by namespace first. Times are milliseconds, ids are text,
 * an envelope is its exact bytes. What is released never changes: the next change is the next number.
 */

import { archiveTables } from './archive.ts'
import type { Dialect } from './database.ts'
import type { Migration } from './migrations.ts'
import { eventTriggers } from './triggers.ts'

const firstTables = (dialect: Dialect): string[] => {
  const { int, text, bytes, tail, keyed_tail, serial } = dialect.ddl
  return [
    `create table counters (ns ${text} not null, name ${text} not null, value ${int} not null, primary key (ns, name))${keyed_tail}`,

    // The current version of each memory; a deleted one stays as an empty row, so that a reference to it can say so.
    // session, place: its neighbours, and the tokens of its session before it. outline: its passages. indexed: the
    // version of the terms it is found by, 0 when it is not, -1 while it leaves the index; passages, terms: its share of
    // index_totals.
    `create table memories (
    ns ${text} not null, id ${text} not null, seq ${int} not null, version ${int} not null,
    content ${text} not null, title ${text}, kind ${text} not null, tags ${text} not null, priority ${int} not null,
    pinned ${int} not null, task_id ${text}, author ${text} not null, trust ${text} not null, metadata ${text} not null,
    digest ${text} not null, tokens ${int} not null, supersedes ${text}, superseded_by ${text},
    expires_at ${int}, deleted_at ${int}, created_at ${int} not null, updated_at ${int} not null,
    session ${text} not null, place ${int} not null, outline ${text} not null,
    indexed ${int} not null, passages ${int} not null, terms ${int} not null,
    primary key (ns, id))${tail}`,
    `create unique index memories_by_seq on memories (ns, seq)`,
    `create index memories_by_task on memories (ns, task_id, seq) where task_id is not null`,
    `create index memories_pinned on memories (ns, seq) where pinned = 1`,
    `create index memories_urgent on memories (ns, seq) where priority >= 2`,
    `create index memories_by_session on memories (ns, session, seq)`,
    `create index memories_expiring on memories (expires_at) where indexed > 0 and expires_at is not null`,
    `create index memories_leaving on memories (ns, seq) where indexed < 0`,

    // The term index: which passage has which term, how often, and how many terms it has in all. The second key is for
    // memories that leave. The totals are those of the namespace, so that no other one changes what is rare.
    `create table postings (
    ns ${text} not null, term ${int} not null, seq ${int} not null, passage ${int} not null,
    times ${int} not null, length ${int} not null,
    primary key (ns, term, seq, passage))${keyed_tail}`,
    `create index postings_by_memory on postings (ns, seq)`,
    `create table index_totals (
    ns ${text} not null, memories ${int} not null, passages ${int} not null, terms ${int} not null,
    primary key (ns))${keyed_tail}`,
    `create table authors (ns ${text} not null, name ${text} not null, primary key (ns, name))${keyed_tail}`,
    `create table memory_versions (
    ns ${text} not null, id ${text} not null, version ${int} not null,
    content ${text} not null, title ${text}, kind ${text} not null, tags ${text} not null, priority ${int} not null,
    author ${text} not null, trust ${text} not null, metadata ${text} not null, digest ${text} not null,
    tokens ${int} not null, updated_at ${int} not null,
    primary key (ns, id, version))${tail}`,

    `create table tasks (
    ns ${text} not null, id ${text} not null, intent ${text} not null, constraints ${text} not null, locked ${text} not null,
    last_envelope_id ${text}, created_at ${int} not null, updated_at ${int} not null,
    primary key (ns, id))${tail}`,

    `create table agents (
    ns ${text} not null, name ${text} not null, profile ${text}, last_seen_at ${int}, created_at ${int} not null,
    primary key (ns, name))${tail}`,

    // trail: "agent>agent:fingerprint" of each hop so far, for the rule against going in circles. linked: as the chain
    // says, or `begun` where its sender said that it is a root. budget_by: what set the budget. created_at is the
    // sender's, stored_at ours. checksum: of the bytes as they are stored, because JSON can write one sealed document in
    // more than one way.
    `create table envelopes (
    ns ${text} not null, id ${text} not null, digest ${text} not null, version ${text} not null,
    source_agent ${text} not null, target_agent ${text} not null, task_id ${text}, root_id ${text} not null,
    hop ${int} not null, summary ${text} not null, token_count ${int} not null, max_tokens ${int} not null,
    completeness ${int} not null, verified ${int} not null, size ${int} not null, trail ${text} not null,
    budget_by ${text}, gaps ${int} not null, trimmed ${int} not null, linked ${text} not null,
    created_at ${int} not null, stored_at ${int} not null, checksum ${text} not null, body ${bytes} not null,
    primary key (ns, id))${tail}`,
    // The same handoff sealed in other versions, while senders and receivers move from one to the next.
    `create table envelope_forms (
    ns ${text} not null, id ${text} not null, version ${text} not null, digest ${text} not null,
    checksum ${text} not null, body ${bytes} not null,
    primary key (ns, id, version))${tail}`,
    `create index envelopes_by_task on envelopes (ns, task_id, id) where task_id is not null`,
    `create index envelopes_by_age on envelopes (stored_at, ns, id)`,
    `create index envelopes_by_root on envelopes (ns, root_id, id)`,

    // token: the last lease's, kept after it ended, so that a repeat answers as before and a late call that nobody has
    // overtaken counts. last: what happened last. accepted_epoch: the lease whose attempt has been counted.
    `create table deliveries (
    ns ${text} not null, id ${text} not null, envelope_id ${text} not null, source_agent ${text} not null,
    target ${text} not null, task_id ${text}, state ${text} not null, priority ${int} not null,
    claims ${int} not null, attempts ${int} not null, max_claims ${int} not null, max_attempts ${int} not null,
    epoch ${int} not null, accepted_epoch ${int} not null, token ${text}, last ${text} not null,
    ready_at ${int} not null, deadline ${int} not null, lease_until ${int}, lease_ms ${int}, late ${int} not null,
    reason ${text}, output ${text}, question ${text}, channel ${text}, successor ${text}, rerouted_from ${text},
    generation ${int} not null, extra_hops ${int} not null, cycle ${text}, direct ${int} not null, timeouts ${int} not null, history ${text} not null,
    created_at ${int} not null, accepted_at ${int}, settled_at ${int}, updated_at ${int} not null,
    primary key (ns, id))${tail}`,
    `create unique index deliveries_once on deliveries (ns, envelope_id, target)`,
    `create index deliveries_ready on deliveries (ns, target, priority desc, id) where state = 'ready'`,
    `create index deliveries_deadline on deliveries (deadline) where state = 'ready'`,
    `create index deliveries_held on deliveries (ns, target, id) where lease_until is not null`,
    `create index deliveries_lease on deliveries (lease_until) where lease_until is not null`,

    `create index deliveries_settled on deliveries (settled_at) where settled_at is not null`,
    `create index deliveries_parked on deliveries (ns, id) where state = 'parked'`,
    `create index deliveries_parked_why on deliveries (ns, target, last, direct) where state = 'parked'`,
    `create index deliveries_by_channel on deliveries (ns, channel, envelope_id) where channel is not null`,

    // Only targets that failed have a row. failures: exhausted handoffs in a row. claimed: whether any of them was ever
    // claimed; a target that was only absent is given its probe as soon as it shows up.
    `create table breakers (
    ns ${text} not null, target ${text} not null, state ${text} not null, failures ${int} not null,
    claimed ${int} not null, open_until ${int}, cooldown_ms ${int} not null, probe_id ${text}, updated_at ${int} not null,
    primary key (ns, target))${tail}`,

    `create table idempotency (
    ns ${text} not null, key ${text} not null, hash ${text} not null, owner ${text} not null, ref ${text} not null,
    created_at ${int} not null,
    primary key (ns, key))${tail}`,
    `create index idempotency_by_age on idempotency (created_at)`,

    // Written by triggers, so that nothing moves without its event. started_at: when the handoff was initiated.
    // latency_ms: from then to its first acceptance, at that acceptance.
    `create table events (
    seq ${serial}, tx ${int} not null, ns ${text} not null, at ${int} not null, type ${text} not null, state ${text},
    source_agent ${text}, target ${text}, envelope_id ${text}, delivery_id ${text}, task_id ${text},
    attempts ${int}, claims ${int}, direct ${int}, started_at ${int}, latency_ms ${int}, reason ${text}, data ${text})${tail}`,
    `create index events_by_ns on events (ns, ${dialect.events.order})`,
    `create index events_by_age on events (at)`,
    // A memory that was cut from an envelope is regretted once by each receiver.
    `create unique index events_regret_once on events (ns, envelope_id, target, data) where type = 'memory.regretted'`,
    ...(dialect.name === 'postgres' ? [`create index events_in_order on events (${dialect.events.order})`] : []),

    // How far the readers of events have come. holder: whose last step it was.
    `create table folds (
    name ${text} not null, tx ${int} not null, seq ${int} not null, at ${int} not null, holder ${text} not null,
    primary key (name))${tail}`,

    // What happened in the step_ms from start, per target and, without a name, in all; step 0 is since the beginning.
    // Counts and sketches as JSON; those columns by which targets are chosen stand apart. streak: the failed attempts
    // since something last arrived, where step is 0.
    `create table health_rollups (
    ns ${text} not null, step_ms ${int} not null, target ${text} not null, start ${int} not null,
    handoffs ${int} not null, failed ${int} not null, data ${text} not null, streak ${text}, updated_at ${int} not null,
    primary key (ns, step_ms, target, start))${tail}`,
    `create index health_rollups_by_age on health_rollups (step_ms, start)`,
    `create index health_namespaces on health_rollups (updated_at) where step_ms = 0 and target = ''`,
    `create table health_thresholds (ns ${text} not null, data ${text} not null, primary key (ns))${tail}`,

    // key: rule, tier and target; one open alert of each. data: what it says. told: what the webhook has heard, 1 that it
    // was raised, 2 that it was resolved; tell_at: when it is to hear more.
    `create table alerts (
    ns ${text} not null, id ${text} not null, key ${text} not null, rule ${text} not null, tier ${text} not null,
    target ${text}, state ${text} not null, data ${text} not null, raised_at ${int} not null, resolved_at ${int},
    acknowledged_by ${text}, acknowledged_at ${int}, note ${text},
    told ${int} not null, tell_at ${int}, tell_attempts ${int} not null,
    primary key (ns, id))${tail}`,
    `create unique index alerts_open on alerts (ns, key) where state = 'open'`,
    `create index alerts_by_state on alerts (ns, state, id)`,
    `create index alerts_to_tell on alerts (tell_at) where tell_at is not null`,
    `create table silences (
    ns ${text} not null, key ${text} not null, until ${int} not null, silenced_by ${text}, primary key (ns, key))${tail}`,

    ...eventTriggers(dialect),
    ...archiveTables(dialect),
  ]
}

// push_secrets: JSON, of agents with a push_url only, apart from the profile so that nothing reads them by the way.
// push_stopped: why nothing is pushed to it any more.
const pushed = ({ ddl: { text } }: Dialect): string[] => [
  `alter table agents add column push_secrets ${text}`,
  `alter table agents add column push_stopped ${text}`,
  `create index agents_pushed on agents (ns, name) where push_secrets is not null`,
]

export const migrations: readonly Migration[] = Object.freeze([
  { version: 1, name: 'first tables', up: firstTables },
  { version: 2, name: 'pushed agents', up: pushed },
])
