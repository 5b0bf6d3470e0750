/**
 * What is drawn: a command is a kind and four numbers. Whom it is about is found when it is carried out ("the third
 * newest lease"), so that a trace from which commands were taken out still means something.
 */

import type { Seeded } from '../seeded.ts'
import { agents } from './sender-rules.ts'

export type Numbers = readonly [number, number, number, number]
export type Command = { readonly kind: Kind; readonly n: Numbers }

/** How often each is drawn. */
const mixed = {
  send: 8,
  again: 2,
  publish: 2,
  direct: 2,
  receive: 18,
  wait: 3,
  accept: 10,
  heartbeat: 6,
  complete: 12,
  nack: 7,
  decline: 2,
  release: 3,
  forward: 4,
  join: 2,
  reroute: 2,
  park: 2,
  cancel: 2,
  redrive: 4,
  discard: 2,
  reset: 1,
}
export type Kind = keyof typeof mixed

/** What kind of a day it is: hardly anything would ever be exhausted if every day were a mixed one. */
export type Mood = {
  readonly agents: readonly string[]
  readonly bag: readonly Kind[]
  /** One in so many sends is of an envelope that somebody has already. */
  readonly reuse: number
}

const moodOf = (agents: readonly string[], weights: Readonly<Record<Kind, number>>, reuse = 6): Mood => ({
  agents,
  reuse,
  bag: Object.entries(weights).flatMap(([kind, weight]) => Array<Kind>(weight).fill(kind as Kind)),
})

export const moods: readonly Mood[] = [
  moodOf(agents, mixed),
  moodOf(['ada', 'bob'], {
    ...mixed,
    receive: 24,
    accept: 12,
    nack: 30,
    complete: 2,
    forward: 1,
    join: 0,
    discard: 0,
    reset: 0,
  }),
  moodOf(['ada'], {
    ...mixed,
    send: 24,
    receive: 34,
    wait: 6,
    accept: 3,
    heartbeat: 2,
    complete: 3,
    nack: 6,
    decline: 0,
    forward: 0,
    join: 0,
    park: 24,
    reset: 0,
  }),
  moodOf(['ada', 'bob'], {
    ...mixed,
    receive: 30,
    accept: 24,
    complete: 3,
    nack: 3,
    heartbeat: 8,
    forward: 20,
    join: 4,
  }),
  moodOf(['bob', 'cyd'], { ...mixed, send: 24, publish: 6, reroute: 18, decline: 12, park: 4, forward: 1, join: 0 }, 2),
]

const RANGE = 0x1_0000_0000
export const drawCommand = (chance: Seeded, { bag }: Mood): Command => ({
  kind: chance.pick(bag),
  n: [chance.int(RANGE), chance.int(RANGE), chance.int(RANGE), chance.int(RANGE)],
})
