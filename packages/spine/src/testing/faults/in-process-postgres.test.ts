// Faults with time in their hand, on PostgreSQL: the short forms of those that take little time there.

import { after, before } from 'node:test'
import { newDatabase, type TestDatabase } from '../postgres/database.ts'
import { shortForms } from './short-forms.ts'
import { postgresStore } from './stores.ts'

/** Keeps one server for all of them. */
let held: TestDatabase | undefined
before(async () => {
  held = await newDatabase()
})
after(() => held?.remove())

shortForms('in_process', { concurrency: 1, store: postgresStore })
