/** The statements of channels. A channel is what its deliveries say; it has no row of its own. */

import { row } from './delivery-row.ts'
import { namedStatement } from './values.ts'

/** All deliveries of an envelope, through whatever channel, by receiver. */
export const deliveriesByReceiver = namedStatement({
  parameters: { ns: 'text', envelope_id: 'text' },
  body: `select ${row} from all_deliveries as deliveries where ns = $ns and envelope_id = $envelope_id order by target`,
})

export const listChannels = namedStatement({
  parameters: { ns: 'text', after: 'text', limit: 'int' },
  body: `select channel, count(distinct envelope_id) as publications, max(created_at) as last_published_at
    from all_deliveries where ns = $ns and channel is not null and ($after is null or channel > $after)
    group by channel order by channel limit $limit`,
})
