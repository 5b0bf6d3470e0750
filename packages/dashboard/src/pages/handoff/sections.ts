/**
 * The rendered text, cut where its tokens are counted: at its headings, and inside the memories at their labels. Both
 * can be told for sure: only headings of ours begin a line with ##, and inside a fence only labels stand in the first
 * column.
 */

export type Piece = {
  /** Of the section: `task`, `constraints`, ... */
  part: string
  /** Of a memory's lines. */
  id?: string
  text: string
}

const heading = /^## (Task|Do next|Constraints|State|Expected output|Facts|History|Memories|Left out)$/

export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = []
  let part = ''
  for (const line of text.split('\n')) {
    const section = heading.exec(line)?.[1]
    if (section) part = section.toLowerCase()
    const id = part === 'memories' ? /^\[(\S+) v\d+;/.exec(line)?.[1] : undefined
    const last = pieces.at(-1)
    const closes = part === 'memories' && last?.id !== undefined && /^`{3,}$/.test(line)
    if (section || id !== undefined || closes || !last) pieces.push({ part, ...(id && { id }), text: line })
    else last.text += `\n${line}`
  }
  return pieces
}
