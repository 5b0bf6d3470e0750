/**
 * docs/proofs.md: one line for each fault, which says when it was made and in which form. A run of some parts leaves the
 * lines of the others as they were, and a short run that holds those of long ones.
 */

import { arch, availableParallelism, platform, totalmem } from 'node:os'
import { faultStores } from '../faults/stores.ts'
import { type Fault, isMadeOn, titleOf } from '../faults/table.ts'
import { guarantees } from './guarantees.ts'
import { holds, type Proven, violations } from './proof.ts'

const columns = [
  'Guarantees',
  'Fault',
  'Form',
  'Runs',
  'Violations',
  'Negative control',
  'Figures',
  'Seed',
  'Took',
  'Run on',
]

const machine = () =>
  `${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GB, ${platform()} ${arch()}, Node ${process.version}`

const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`

const figuresOf = ({ figures }: Proven) =>
  Object.entries(figures)
    .map(([name, value]) => `${name} ${value.toLocaleString('en')}`)
    .join(', ') || '-'

function rowOf(proven: Proven, date: string): string {
  const { fault, store, form, runs, negative_control_failed, seed, took_s } = proven
  const made = fault.possible?.() !== false
  const count = runs > 0 ? `${runs.toLocaleString('en')} ${fault.unit}` : 'could not be run to its end'
  return line([
    fault.guarantees.join(', '),
    titleOf(fault, store),
    form,
    made ? count : 'not possible on this machine',
    made ? String(violations(proven)) : '-',
    made ? `${fault.control}: ${negative_control_failed ? 'found' : 'NOT FOUND'}` : '-',
    figuresOf(proven),
    String(seed),
    `${took_s} s`,
    date,
  ])
}

const lengthOf = (form: string | undefined) => ['short', 'part', 'long'].indexOf(form ?? '')

/** The text of the file, with the lines that it had for what did not run now, or only in short. */
export function report(proven: readonly Proven[], { faults, before, date }: ReportOptions): string {
  const fresh = new Map(proven.map((one) => [titleOf(one.fault, one.store), one]))
  const old = new Map(before.split('\n').map((row) => [row.split(' | ')[1] ?? '', row]))
  const titles = faults.flatMap((fault) =>
    Object.values(faultStores)
      .filter((store) => isMadeOn(store, fault))
      .map(({ name }) => titleOf(fault, name)),
  )
  const rows = titles.flatMap((title) => {
    const row = old.get(title)
    const one = fresh.get(title)
    if (one && (row === undefined || !holds(one) || lengthOf(one.form) >= lengthOf(row.split(' | ')[2])))
      return rowOf(one, date)
    return row ?? []
  })
  return `# Proofs

What Memory Spine promises is tried by breaking it: each line is one way to break it, how often it was done, and what
was violated (a delivery lost, an effect made twice, two owners at a time, a delivery stuck or tried too often, a byte
changed, a namespace crossed). The negative control is the same run with one protection taken away: it has to find
something, or the proof could not see it.

Written by \`npm run proof\` (\`-- --short\` takes minutes; \`-- --only kill,fuzz\` runs some parts and leaves the other lines
alone; \`-- --store postgres\` runs on PostgreSQL what says something about it). Each line is a run of its own, in the
form and at the time that it names: long is the proof, short is what \`npm test\` runs too (on PostgreSQL, some of it),
part is a number of runs that was asked for. A shorter run takes the place of a longer one only when it fails. What has
no line was not run as it is now.
Machine of the latest run: ${machine()}.

${line(columns)}
${line(columns.map(() => '---'))}
${rows.join('\n')}

## The guarantees

${Object.entries(guarantees)
  .map(([id, words]) => `- ${id}: ${words}.`)
  .join('\n')}
`
}

export type ReportOptions = {
  /** All there are, in their order. */
  faults: readonly Fault[]
  /** The file as it was. */
  before: string
  date: string
}

/** One entry for each guarantee and fault, as \`--json\` answers. */
export const guaranteesOf = (proven: readonly Proven[]) =>
  proven.flatMap((one) => {
    const { fault, store, form, seed, runs, lost, dup_effects, double_leases, stuck, over_attempts, others } = one
    const counts = { lost, dup_effects, double_leases, stuck, over_attempts, others }
    const { negative_control_failed } = one
    return fault.guarantees.map((id) => ({
      id,
      fault: titleOf(fault, store),
      store,
      form,
      seed,
      runs,
      ...counts,
      negative_control_failed,
    }))
  })
