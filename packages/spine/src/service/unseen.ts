/** Agents that were sent to and have never been heard of: perhaps nobody has that name. */

import type { Row } from '../store/database.ts'

/** Of a row of agents. Who is pushed to has an address and need not ask for work. */
export const isUnseen = ({ last_seen_at, profile }: Row): boolean =>
  last_seen_at === null && !(typeof profile === 'string' && 'push_url' in JSON.parse(profile))
