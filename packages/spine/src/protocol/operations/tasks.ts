/** The operations on tasks. */

import { z } from 'zod'
import { id } from '../scalars.ts'
import { task, taskInput } from '../task.ts'
import { operation } from './operation.ts'

export const tasks = Object.freeze({
  put: operation({
    method: 'PUT',
    path: '/v1/tasks/:id',
    summary: "Record a task: the user's own words and constraints, before the first handoff.",
    input: taskInput,
    output: task,
    errors: ['INTENT_CHANGED', 'CONSTRAINT_CHANGED'],
    guarded: true,
  }),
  get: operation({
    method: 'GET',
    path: '/v1/tasks/:id',
    summary: 'Read a task with the state of its last handoff.',
    input: z.strictObject({ id }),
    output: task,
    errors: ['TASK_NOT_FOUND'],
  }),
})
