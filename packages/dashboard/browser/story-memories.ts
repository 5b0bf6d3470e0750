/** What the agents of the story know. Long texts are made of sentences that differ, so that a tokenizer sees text. */

import type { MemoryInput } from '../../spine/src/protocol/memory.ts'

const halls = ['north hall', 'south hall', 'garden', 'planetarium', 'cinema', 'atrium', 'library', 'roof']

/** A text of so many sentences about measured things. */
const measured = (sentences: number, of: string): string =>
  Array.from({ length: sentences }, (_, index) => {
    const hall = halls[index % halls.length]
    const seconds = ((index * 37) % 89) + 2
    return `In the ${hall}, ${of} took ${seconds} s on run ${index + 1}; ${(index * 7) % 5} of ${40 + index} seats were drawn wrongly.`
  }).join(' ')

export const memories: MemoryInput[] = [
  {
    id: 'sm-101',
    title: 'Never change the till',
    content: 'The till is certified. No release of the seat map may change a file below src/till/ or its endpoints.',
    kind: 'decision',
    priority: 'critical',
    pinned: true,
    author: 'visitor-desk',
    trust: 'user',
  },
  {
    id: 'sm-102',
    title: 'Old links of the seat map',
    content:
      'Printed posters carry /map?hall=3 and /seats/3. Both must open the hall on the new map. Redirects are in routes.ts:118.',
    kind: 'fact',
    priority: 'high',
    author: 'visitor-desk',
    trust: 'user',
  },
  {
    id: 'sm-103',
    title: 'Why sold seats look free',
    content: `The cache in front of seats.json lives 90 s. 41 of 44 complaints fall into that time. The other 3 were reloads without network. ${measured(5, 'a sale')}`,
    kind: 'fact',
    priority: 'high',
    author: 'researcher',
  },
  {
    id: 'sm-104',
    title: 'What /sold posts',
    content: `POST /sold {"seat":"N-14","order":"A-88412","at":"2026-11-03T10:14:22Z"} is sent by the till within 200 ms of a sale. ${measured(7, 'the post')}`,
    kind: 'tool_result',
    author: 'researcher',
    trust: 'tool',
  },
  {
    id: 'sm-105',
    title: 'Delay of each hall over 30 days',
    content: measured(40, 'the map'),
    kind: 'tool_result',
    author: 'researcher',
    trust: 'tool',
  },
  {
    id: 'sm-106',
    title: 'How browsers in the hall keep connections',
    content: measured(26, 'a reconnect'),
    kind: 'tool_result',
    author: 'researcher',
    trust: 'tool',
  },
  {
    id: 'sm-107',
    title: 'Conventions below src/map/',
    content: `One file per layer, no state outside store.ts, drawing in requestAnimationFrame. ${measured(14, 'a redraw')}`,
    kind: 'note',
    author: 'planner',
  },
  {
    id: 'sm-108',
    title: 'Museum night 2025, minute by minute',
    content: measured(48, 'the queue'),
    kind: 'note',
    author: 'planner',
  },
  {
    id: 'sm-109',
    title: 'Kiosks in the hall',
    content: `Twelve kiosks run Chromium 118 and reload at 06:00. ${measured(9, 'a kiosk')}`,
    kind: 'fact',
    author: 'planner',
  },
  {
    id: 'sm-110',
    title: 'A letter of thanks from a school',
    content: 'The class liked the planetarium best and would come again.',
    kind: 'message',
    priority: 'low',
    author: 'front-desk',
    trust: 'external',
  },
  {
    id: 'sm-111',
    title: 'First sketch of the map',
    content: measured(20, 'the sketch'),
    kind: 'reasoning',
    priority: 'low',
    author: 'planner',
  },
]
