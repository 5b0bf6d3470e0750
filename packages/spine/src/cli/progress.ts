/** How far something is: one line that is written over on a terminal, elsewhere a line for every tenth of the way. */

import type { Output } from './output.ts'

/** Shows a text with the share of the work that is done, 0 to 1. */
export type ShowProgress = (share: number, text: string) => void

const TO_THE_END_OF_THE_LINE = '\u001b[K'

export function progressLine(output: Output): ShowProgress {
  let tenths = 0
  let over = false
  return (share, text) => {
    if (over) return
    over = share === 1
    if (process.stderr.isTTY) {
      process.stderr.write(`\r${text}${TO_THE_END_OF_THE_LINE}${over ? '\n' : ''}`)
      return
    }
    const reached = Math.floor(share * 10)
    if (reached > tenths) output.progress(text)
    tenths = Math.max(tenths, reached)
  }
}

const WIDTH = 24

/** `[######------]  25 %` */
export function bar(share: number): string {
  const full = Math.floor(share * WIDTH)
  return `[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${String(Math.floor(share * 100)).padStart(3)} %`
}
