/**
 * Writes whose outcome nobody knows, because the connection was lost before the answer came. Ids and tokens were made
 * before the first try, so the same batch can go out again: what it finds done already, it answers like its own.
 */

import type { Batch, Row } from '../store/database.ts'
import { isOutcomeUnknown } from '../store/statement-error.ts'
import type { Service } from './context.ts'

/** A database that comes back is found within about two seconds; callers who wait longer are told to try again. */
const PAUSES_MS = [50, 150, 300, 500, 1_000] as const

type Needs = Pick<Service, 'database' | 'clock'>

/** Does `work`; as long as its outcome is unknown, `again` is done until it says what came of it. */
export async function untilKnown<T>(
  { clock }: Pick<Service, 'clock'>,
  work: () => Promise<T>,
  again = work,
): Promise<T> {
  try {
    return await work()
  } catch (unknown) {
    if (!isOutcomeUnknown(unknown)) throw unknown
    for (const pause of PAUSES_MS) {
      await new Promise<void>((resolve) => void clock.after(pause, resolve))
      try {
        return await again()
      } catch {
        // Not back yet.
      }
    }
    throw unknown
  }
}

/** For a batch that finds what it did before: a row that is there already is not made again. */
export const writeKnown = (service: Needs, batch: Batch): Promise<Row[][]> =>
  untilKnown(service, () => service.database.write(batch))
