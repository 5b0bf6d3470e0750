/** One call of a sender or receiver, from its start to its answer, with what the model says about it. */

import { SpineError } from '../../protocol/errors.ts'
import type { Book } from './book.ts'

export type Call = {
  /** For the trace: what was called, and with what. */
  readonly words: string
  /** In words; undefined while it is under way, and for ever when the server died first. */
  answer: string | undefined
  /** What the model says must be answered; undefined when it lets any answer pass. */
  apply(book: Book): string | undefined
  /** The server died: it may have happened or not. */
  lost: boolean
  /** May go on after its step: a long poll takes something when it is answered, a waiting sender sent at once. */
  readonly waits: false | 'poll' | 'sent'
  /** Calls of one lane happen in their order. */
  readonly lane?: string
}

export type Started<T> = {
  words: string
  promise: Promise<T>
  /** The answer in words. */
  say(answer: T): string
  /** `answer` is given once it is known. */
  apply(book: Book, answer: T | undefined): string | undefined
  waits?: Call['waits']
}

export function startCall<T>({ words, promise, say, apply, waits = false }: Started<T>): Call {
  let known: T | undefined
  const call: Call = {
    words,
    answer: undefined,
    lost: false,
    waits,
    apply: (book) => apply(book, known),
  }
  promise.then(
    (answer) => {
      known = answer
      call.answer = say(answer)
    },
    (error: unknown) => {
      call.answer = error instanceof SpineError ? error.code : String(error)
    },
  )
  return call
}
