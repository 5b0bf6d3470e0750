/** Failed attempts as boxes on a line: where two would lie on each other they are one box with both numbers. */

/** One attempt, its ends in px. */
export type Span = { number: number; from: number; to: number }
export type Box = { x: number; width: number; label: string }

const gap_px = 2
/** Room for a number in a box. */
const widthOf = (label: string): number => 6 + label.length * 7

type Group = { spans: readonly Span[]; box: Box }

/** In order of time; none reaches beyond `limit` px, as far as there is room. */
export function boxesOf(spans: readonly Span[], limit: number): Box[] {
  const groups: Group[] = []
  for (const span of spans) {
    let group = groupOf([span], limit)
    for (let before = groups.at(-1); before && group.box.x < endOf(before.box) + gap_px; before = groups.at(-1)) {
      groups.pop()
      group = groupOf([...before.spans, ...group.spans], limit)
    }
    groups.push(group)
  }
  return groups.map(({ box }) => box)
}

export const endOf = ({ x, width }: Box): number => x + width

function groupOf(spans: readonly Span[], limit: number): Group {
  const [first, last] = [spans[0], spans.at(-1)]
  const label = first?.number === last?.number ? `${first?.number}` : `${first?.number}–${last?.number}`
  const from = Math.min(...spans.map((span) => span.from))
  const to = Math.max(...spans.map((span) => span.to))
  const width = Math.max(widthOf(label), to - from)
  return { spans, box: { x: Math.max(0, Math.min(from, limit - width)), width, label } }
}
