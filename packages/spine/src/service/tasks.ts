/** Tasks: the user's own words and constraints, and the state that the last sealed envelope of the task holds. */

import type { z } from 'zod'
import type { contract } from '../protocol/contract.ts'
import { SpineError } from '../protocol/errors.ts'
import { toIso } from '../protocol/scalars.ts'
import type { Task } from '../protocol/task.ts'
import type { TaskStart } from '../rules/inherit.ts'
import type { Row } from '../store/database.ts'
import * as sql from '../store/tasks.ts'
import type { Caller, Service } from './context.ts'
import type { Envelopes } from './envelopes.ts'

type In<N extends keyof typeof contract.tasks> = z.output<(typeof contract.tasks)[N]['input']>

async function taskRow({ database }: Service, ns: string, id: string): Promise<Row | undefined> {
  return (await database.read(sql.taskById(database.dialect, { ns, id })))[0]
}

/** What is known of the task when the call continues nothing. */
export async function taskStart(
  service: Service,
  envelopes: Envelopes,
  ns: string,
  { task_id, intent }: { task_id?: string | undefined; intent?: string | undefined },
): Promise<TaskStart | undefined> {
  if (task_id === undefined) return undefined
  const row = await taskRow(service, ns, task_id)
  if (!row) {
    if (intent === undefined)
      throw new SpineError(
        'TASK_NOT_FOUND',
        `There is no task ${task_id}: give its \`intent\`, or create it with tasks.put.`,
        { id: task_id },
      )
    return undefined
  }
  const known = { id: task_id, intent: String(row.intent) }
  const last = row.last_envelope_id === null ? undefined : await envelopes.find(ns, String(row.last_envelope_id))
  if (last)
    return {
      ...known,
      constrained: { constraints: last.constraints, ledger: last.constraint_ledger },
      state: last.task.state,
    }
  const constraints = JSON.parse(String(row.constraints))
  const locked: string[] = JSON.parse(String(row.locked))
  const ledger = Object.fromEntries(
    Object.keys(constraints).map((key) => [key, { set_by: 'user', hop: 0, locked: locked.includes(key) }]),
  )
  return { ...known, constrained: { constraints, ledger }, state: {} }
}

export function taskOperations(service: Service, envelopes: Envelopes) {
  const { database, clock } = service

  const get = async ({ id }: In<'get'>, { ns }: Caller): Promise<Task> => {
    const row = await taskRow(service, ns, id)
    if (!row) throw new SpineError('TASK_NOT_FOUND', `There is no task ${id} in namespace ${ns}.`, { id })
    const last_envelope_id = row.last_envelope_id
    const last = last_envelope_id === null ? undefined : await envelopes.find(ns, String(last_envelope_id))
    return {
      id,
      intent: String(row.intent),
      constraints: last?.constraints ?? JSON.parse(String(row.constraints)),
      locked: JSON.parse(String(row.locked)),
      ...(last ? { state: last.task.state, last_envelope_id: last.id } : {}),
      created_at: toIso(Number(row.created_at)),
      updated_at: toIso(Number(row.updated_at)),
    }
  }

  return {
    put: async ({ id, intent, constraints, locked }: In<'put'>, caller: Caller): Promise<Task> => {
      const { ns } = caller
      const texts = { constraints: JSON.stringify(constraints), locked: JSON.stringify(locked) }
      await database.write([sql.putTask(database.dialect, { ns, id, intent, ...texts, now: clock.now() })])
      const row = await taskRow(service, ns, id)
      if (row?.intent !== intent)
        throw new SpineError(
          'INTENT_CHANGED',
          `Task ${id} has another intent already; put new words of the user into \`amendments\` of a handoff.`,
          { id },
        )
      if (row.constraints !== texts.constraints || row.locked !== texts.locked)
        throw new SpineError(
          'CONSTRAINT_CHANGED',
          `Handoffs of task ${id} are sealed with its constraints; change them in a handoff.`,
          { id },
        )
      return get({ id }, caller)
    },
    get,
  }
}
