/** Work in the background that failed. Nobody waits for it, so nobody hears of it by an answer. */
export type Trouble = {
  /** Which: sweep, retention, archive, watch, telling, push, or onAlert where the one who was told of an alert threw. */
  work: string
  error: unknown
  /** How often in a row, this time included: what fails is tried again. */
  failures: number
}
