/** Bytes and texts of UTF-8, told apart strictly: what is not UTF-8 is refused with its place. */

import { SpineError } from './errors.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lenientDecoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Bytes of the UTF-8 form of a part of a well-formed text. */
export const utf8Bytes = (text: string, from: number, to: number) => encoder.encode(text.slice(from, to)).byteLength

/** The first byte that is not UTF-8: the first replacement character that was not sent as one. */
function firstInvalidByte(bytes: Uint8Array): number {
  const text = lenientDecoder.decode(bytes)
  let from = 0
  let offset = 0
  for (;;) {
    const at = text.indexOf('\ufffd', from)
    offset += utf8Bytes(text, from, at < 0 ? text.length : at)
    const sent = bytes[offset] === 0xef && bytes[offset + 1] === 0xbf && bytes[offset + 2] === 0xbd
    if (at < 0 || !sent) return offset
    from = at + 1
    offset += 3
  }
}

/** Throws INVALID_JSON for what is not UTF-8, and for a byte order mark. */
export function decodeUtf8(bytes: Uint8Array): string {
  // In UTF-16 and UTF-32 the mark is no UTF-8 at all; the decoder answers for those.
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw new SpineError('INVALID_JSON', 'Byte 0: a byte order mark; send UTF-8 without one.')
  }
  try {
    return decoder.decode(bytes)
  } catch {
    throw new SpineError('INVALID_JSON', `Byte ${firstInvalidByte(bytes)}: not UTF-8; encode the text as UTF-8.`)
  }
}
