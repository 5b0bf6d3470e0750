/** One handoff: where its tokens went, what its receiver read, how it was delivered, what it has to keep to. */

import type { Envelope } from '../../../../spine/src/protocol/envelope.ts'
import type { HandoffStatus } from '../../../../spine/src/protocol/handoff.ts'
import { useKeys } from '../../core/keyboard.ts'
import { go, type Route, setQuery } from '../../core/router.ts'
import { useNeighbours } from '../../data/chain.ts'
import { useEnvelope, useStatus } from '../../data/handoff.ts'
import { Copy, TabPanel, Tabs } from '../../pieces/controls.tsx'
import { Failed, Head, Loading, Panel } from '../../pieces/panel.tsx'
import { Constraints } from './constraints.tsx'
import { Deliveries } from './deliveries.tsx'
import { Events } from './events.tsx'
import { Gaps } from './gaps.tsx'
import { HandoffHead } from './handoff-head.tsx'
import { Text } from './text.tsx'
import { Tokens } from './tokens.tsx'

const tabs = ['tokens', 'text', 'json', 'events'] as const
type Tab = (typeof tabs)[number]

export function Handoff({ id, route }: { id: string; route: Route }) {
  const envelope = useEnvelope(id)
  const status = useStatus(id)
  const failure = envelope.failure ?? status.failure
  if (envelope.value && status.value) return <Whole envelope={envelope.value} status={status.value} route={route} />
  return (
    <>
      <Head title="Handoff" sub={<code>{id}</code>} />
      <Panel title="Envelope">
        {failure ? (
          <Failed
            what="This handoff could not be read."
            failure={failure}
            again={() => {
              envelope.again()
              status.again()
            }}
          />
        ) : (
          <Loading rows={20} />
        )}
      </Panel>
    </>
  )
}

type WholeProps = { envelope: Envelope; status: HandoffStatus; route: Route }

function Whole({ envelope, status, route }: WholeProps) {
  const tab = tabs.find((each) => each === route.query.tab) ?? tabs[0]
  const { before, after } = useNeighbours(envelope)
  useKeys({
    '[': () => before && go('handoffs', before),
    ']': () => after && go('handoffs', after),
    Escape: () => history.back(),
  })
  const events = status.deliveries.reduce((sum, delivery) => sum + delivery.history.length, 0)
  const choices = [
    { value: 'tokens' as const, label: 'Where the tokens went' },
    { value: 'text' as const, label: 'As the receiver read it' },
    { value: 'json' as const, label: 'Envelope JSON' },
    {
      value: 'events' as const,
      label: (
        <>
          Events <span class="dim">{events}</span>
        </>
      ),
    },
  ]
  return (
    <>
      <HandoffHead envelope={envelope} status={status} before={before} after={after} />
      <Tabs
        id="handoff"
        label="Handoff"
        choices={choices}
        value={tab}
        onChange={(value: Tab) => setQuery({ tab: value })}
      />
      <TabPanel id="handoff" tab={tab}>
        {(tab === 'events' || tab === 'tokens') && (
          <div class="two">
            {tab === 'tokens' ? (
              <Tokens envelope={envelope} />
            ) : (
              <Events envelope={envelope} deliveries={status.deliveries} />
            )}
            <div class="stack side">
              <Deliveries envelope={envelope} deliveries={status.deliveries} />
              <Constraints envelope={envelope} />
              <Gaps envelope={envelope} />
            </div>
          </div>
        )}
        {tab === 'text' && <Text envelope={envelope} />}
        {tab === 'json' && <Json envelope={envelope} />}
      </TabPanel>
    </>
  )
}

function Json({ envelope }: { envelope: Envelope }) {
  const text = JSON.stringify(envelope, null, 2)
  return (
    <Panel
      title="Envelope"
      end={
        <Copy class="btn small" text={text}>
          Copy
        </Copy>
      }
    >
      <pre class="read">{text}</pre>
    </Panel>
  )
}
