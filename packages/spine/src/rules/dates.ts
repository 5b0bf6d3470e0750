/** The days and months that a question names, to be held against when a memory was said. */

export type NamedDate = { day?: number; month?: number; year?: number }

const monthNames = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
] as const
const month =
  'jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?'
const day = '(\\d{1,2})(?:st|nd|rd|th)?'
const year = '((?:19|20)\\d{2})'

const shapes: readonly { shape: RegExp; read(found: readonly (string | undefined)[]): NamedDate }[] = [
  { shape: new RegExp(`\\b${year}-(\\d{2})-(\\d{2})\\b`, 'g'), read: ([y, m, d]) => dated(d, Number(m), y) },
  {
    shape: new RegExp(`\\b${day}(?: of)? (${month})\\b\\.?(?:,? ${year}\\b)?`, 'gi'),
    read: ([d, m, y]) => dated(d, monthOf(m), y),
  },
  {
    shape: new RegExp(`\\b(${month})\\b\\.? ${day}\\b(?:,? ${year}\\b)?`, 'gi'),
    read: ([m, d, y]) => dated(d, monthOf(m), y),
  },
  {
    shape: new RegExp(`\\b(${month})\\b\\.?(?:,? (?:of )?${year}\\b)?`, 'gi'),
    read: ([m, y]) => dated(undefined, monthOf(m), y),
  },
  { shape: new RegExp(`\\b${year}\\b`, 'g'), read: ([y]) => dated(undefined, undefined, y) },
]

const monthOf = (name: string | undefined): number =>
  monthNames.findIndex((known) => known.startsWith((name ?? '').slice(0, 3).toLowerCase())) + 1

function dated(d: string | undefined, m: number | undefined, y: string | undefined): NamedDate {
  return {
    ...(d === undefined ? {} : { day: Number(d) }),
    ...(m === undefined ? {} : { month: m }),
    ...(y === undefined ? {} : { year: Number(y) }),
  }
}

/** Each date once, the most exact reading of it. */
export function datesIn(text: string): NamedDate[] {
  const dates: NamedDate[] = []
  let left = text
  for (const { shape, read } of shapes)
    left = left.replace(shape, (whole, ...found) => {
      // "may" is a month only where it is written like one.
      if (/^may$/i.test(whole) && !/^May$/.test(whole)) return whole
      dates.push(read(found.slice(0, 3).map((part) => (typeof part === 'string' ? part : undefined))))
      return ' '
    })
  return dates
}

const DAY_MS = 86_400_000

/** How well a time agrees with what is named: its day within a day (`day`), its month or the next (`month`), 0 to 1. */
export function agreement(at_ms: number, dates: readonly NamedDate[]): { day: number; month: number } {
  const at = new Date(at_ms)
  const [y, m] = [at.getUTCFullYear(), at.getUTCMonth() + 1]
  let [byDay, byMonth] = [0, 0]
  for (const named of dates) {
    if (named.month === undefined) {
      if (named.year === y) byMonth = Math.max(byMonth, 0.3)
      continue
    }
    const months = (y - (named.year ?? y)) * 12 + m - named.month
    const after = named.year === undefined ? (months + 12) % 12 : months
    if (after === 0) byMonth = 1
    else if (after === 1) byMonth = Math.max(byMonth, 0.3)
    if (named.day !== undefined) {
      const years = named.year === undefined ? [y - 1, y, y + 1] : [named.year]
      const near = years.some((one) => {
        const from = Date.UTC(one, (named.month ?? 1) - 1, (named.day ?? 1) - 1)
        return at_ms >= from && at_ms < from + 3 * DAY_MS
      })
      if (near) byDay = 1
    }
  }
  return { day: byDay, month: byMonth }
}
