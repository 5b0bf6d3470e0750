/**
 * `npm run proof`: tries to break every guarantee, writes docs/proofs.md, and ends with 1 if something was violated or
 * a negative control found nothing. Progress goes to standard error; with `--json` the last line of standard output is
 * the JSON. `--minutes 50`: the simulation begins no schedule after that, and its line says how many there were.
 * `--store postgres` runs on a PostgreSQL of its own, `--postgres URL` on another, whose user may create databases.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { faultStores } from '../faults/stores.ts'
import { faults, isMadeOn } from '../faults/table.ts'
import { holds, type Proven, prove, violations } from './proof.ts'
import { guaranteesOf, report } from './report.ts'

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    store: { type: 'string', default: 'sqlite' },
    postgres: { type: 'string' },
    runs: { type: 'string' },
    minutes: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const store = faultStores[values.postgres === undefined ? (values.store as keyof typeof faultStores) : 'postgres']
if (store === undefined) {
  process.stderr.write(`--store: there is no ${values.store}; there is ${Object.keys(faultStores).join(' and ')}.\n`)
  process.exit(2)
}
if (values.postgres !== undefined) process.env.TEST_POSTGRES_URL = values.postgres
const made = faults.filter((fault) => isMadeOn(store, fault))
const parts = made.map(({ part }) => part)
const wanted = values.only?.split(',') ?? parts
const unknown = wanted.filter((part) => !parts.includes(part))
if (unknown.length > 0) {
  process.stderr.write(`--only: on ${store.name} there is no ${unknown.join(', ')}; there is ${parts.join(', ')}.\n`)
  process.exit(2)
}
// What is still running ends with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const progress = (words: string) => void process.stderr.write(`${words}\n`)
const form = values.short ? 'short' : 'long'
/** So many of each instead of the whole form. */
const some = values.runs === undefined ? undefined : Number(values.runs)
/** The simulation ends by then, with the schedules that there were. */
const until = values.minutes === undefined ? undefined : Date.now() + Number(values.minutes) * 60_000
const file = fileURLToPath(new URL('../../../../../docs/proofs.md', import.meta.url))
const proven: Proven[] = []
for (const fault of made.filter(({ part }) => wanted.includes(part))) {
  progress(`${fault.part}: ${fault.fault} (${some ?? fault.runs[form]} ${fault.unit})`)
  const one = await prove(fault, { store, form, some, seed: Number(values.seed), until, progress })
  proven.push(one)
  const control = one.negative_control_failed ? 'its control found something' : 'its control found NOTHING'
  progress(`${fault.part}: ${violations(one)} violations in ${one.runs} ${fault.unit}, ${control}, ${one.took_s} s`)
  for (const example of one.examples) progress(`  ${example}`)
  // After each fault: a run that is ended early leaves what it has.
  const before = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const date = new Date().toISOString().slice(0, 16).replace('T', ' ')
  writeFileSync(file, report([one], { faults, before, date }))
}
if (values.json) process.stdout.write(`${JSON.stringify({ guarantees: guaranteesOf(proven) })}\n`)
// A fault that broke off may have left clients that call its server for ever.
process.exit(proven.every(holds) ? 0 : 1)
