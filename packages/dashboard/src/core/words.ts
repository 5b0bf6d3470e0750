/** Numbers, times and lists as words. Times are those of the reader's clock. */

const counts = new Intl.NumberFormat('en-US')
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })

export const number = (value: number): string => counts.format(value)

/** "1 gap", "2 gaps". */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : many}`

/** "14:08:27". */
export const timeOf = (at: string | number): string => clock.format(new Date(at))

/** "22 Nov 14:08:02". */
export const dateTimeOf = (at: string | number): string => `${day.format(new Date(at))} ${timeOf(at)}`

/** The time where it is of today, else the day. */
export const shortTimeOf = (at: string | number): string =>
  new Date(at).toDateString() === new Date().toDateString() ? timeOf(at) : day.format(new Date(at))

/** "40 ms", "0.34 s", "24.6 s", "4 min", "3 h", "2 d": three digits at most, never more than are known. */
export function duration(ms: number): string {
  if (ms < 100) return `${Math.max(0, Math.round(ms))} ms`
  const s = ms / 1_000
  if (s < 10) return `${s.toFixed(2)} s`
  if (s < 100) return `${s.toFixed(1)} s`
  if (s < 5_400) return `${Math.round(s / 60)} min`
  return s < 172_800 ? `${Math.round(s / 3_600)} h` : `${Math.round(s / 86_400)} d`
}

/** How long ago, in whole units: "11 s", "9 min". */
export function age(ms: number): string {
  if (ms < 60_000) return `${Math.max(0, Math.round(ms / 1_000))} s`
  return ms < 5_400_000 ? `${Math.round(ms / 60_000)} min` : duration(ms)
}

/** A share as percent with one decimal where it says something: "100", "92.9". */
export const percent = (share: number): string => {
  const value = Math.floor(share * 1_000) / 10
  return Number.isInteger(value) ? String(value) : value.toFixed(1)
}

/** "a", "a and b", "a, b and c". */
export const listed = (items: readonly string[]): string =>
  items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`

/** A value that somebody else gave, on one line. */
export const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
