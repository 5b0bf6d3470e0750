/** What can be seen of a text without understanding it: that it asks, tells a time, has a number, names somebody. */

/** Kept as one small number per passage. */
export const marks = Object.freeze({ time: 1, number: 2, name: 4, asks: 8, ends_asking: 16 })

const timeWord =
  /\b(?:yesterday|today|tonight|tomorrow|ago|last|next|since|until|week(?:s|end)?|month(?:s)?|year(?:s)?|day(?:s)?|morning|evening|night|monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|june|july|august|september|october|november|december|recently|soon|o'clock|\d{1,2}:\d{2}|(?:19|20)\d{2})\b/i
const numberWord =
  /\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|twenty|thirty|forty|fifty|hundred|thousand|million|billion|once|twice|couple|few|several|half|percent)\b/i
/** A capital letter in the middle of a sentence. */
const midName = /[\p{Ll}\p{N},;:]\s+(?!I\b)\p{Lu}\p{L}+/u
const asking = /[?？]/
const endsAsking = /[?？]["'”’)\]]*\s*$/
/** How near to its end a question still waits for its answer. */
const TAIL_CHARS = 60

export function marksOf(text: string): number {
  return (
    (timeWord.test(text) ? marks.time : 0) |
    (numberWord.test(text) ? marks.number : 0) |
    (midName.test(text) ? marks.name : 0) |
    (asking.test(text.slice(-TAIL_CHARS)) ? marks.asks : 0) |
    (endsAsking.test(text) ? marks.ends_asking : 0)
  )
}
