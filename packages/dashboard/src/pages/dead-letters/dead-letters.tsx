/** What waits for a person: grouped by cause, because one cause is one decision. */

import { useState } from 'preact/hooks'
import type { Delivery } from '../../../../spine/src/protocol/delivery.ts'
import { useKeys } from '../../core/keyboard.ts'
import { type Route, setQuery } from '../../core/router.ts'
import { plural } from '../../core/words.ts'
import { most_parked, useParked } from '../../data/parked.ts'
import { Pick } from '../../pieces/controls.tsx'
import { Empty, Head, Loaded, Note, Panel } from '../../pieces/panel.tsx'
import { type Cause, causesOf } from './causes.ts'
import { Letters } from './letters.tsx'
import { Opened } from './opened.tsx'
import { type Outcome, outcomeText } from './outcome.ts'

const kept = 'Parked deliveries keep their envelope; nothing here is sent again by itself.'

function sub(shared: readonly Cause[]): string {
  const [first] = shared
  return first ? `${plural(first.deliveries.length, 'shares', 'share')} one cause: ${first.title}. ${kept}` : kept
}

export function DeadLetters({ route }: { route: Route }) {
  const live = useParked()
  const { target = '' } = route.query
  const all = live.value?.deliveries ?? []
  const deliveries = target ? all.filter((delivery) => delivery.target === target) : all
  const { shared, others } = causesOf(deliveries)
  const order = [...shared.flatMap((cause) => cause.deliveries), ...others]
  const opened = order.find(({ id }) => id === route.query.open) ?? order[0]
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [outcome, setOutcome] = useState<Outcome>()
  const open = (delivery: Delivery | undefined) => {
    if (!delivery) return
    setQuery({ open: delivery.id })
    document.getElementById(`letter-${delivery.id}`)?.focus()
  }
  const step = (by: number) => () => open(order[opened ? order.indexOf(opened) + by : 0])
  useKeys({ j: step(1), k: step(-1) })
  const targets = [...new Set(all.map((delivery) => delivery.target))].sort()
  const done = (result: Outcome) => {
    setOutcome(result)
    setChosen(new Set())
  }
  const more = all.length >= most_parked ? `The newest ${most_parked} are shown.` : ''
  return (
    <>
      <Head
        title={
          live.value
            ? all.length === 0
              ? 'Nothing waits for a person'
              : `${plural(all.length, 'delivery waits', 'deliveries wait')} for a person`
            : 'Dead letters'
        }
        sub={`${sub(shared)} ${more}`}
        tools={
          targets.length > 1 && (
            <Pick
              label="Receiver"
              value={target}
              choices={[{ value: '', label: 'All receivers' }, ...targets.map((value) => ({ value, label: value }))]}
              onChange={(value) => setQuery({ target: value, open: undefined })}
            />
          )
        }
      />
      {outcome && (
        <div role="status" class="outcome">
          <Note {...(outcome.failed.length > 0 && { tier: 'warning' as const })}>{outcomeText(outcome)}</Note>
        </div>
      )}
      {all.length === 0 ? (
        <Panel title="Dead letters">
          <Loaded live={live} what="The dead letters could not be read." goesOn="They stay where they are.">
            {() => (
              <Empty title="Nothing is parked.">
                A delivery comes here when its attempts are spent, its hop limit is reached, or its receiver says fatal.
              </Empty>
            )}
          </Loaded>
        </Panel>
      ) : (
        <div class="two flip wide">
          <Letters
            shared={shared}
            others={others}
            opened={opened?.id}
            chosen={chosen}
            onOpen={open}
            onChoose={setChosen}
            onDone={done}
          />
          {opened && <Opened key={opened.id} delivery={opened} onDone={done} />}
        </div>
      )}
    </>
  )
}
