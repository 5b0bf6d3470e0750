/** What the door lets in, with units. The same limits hold in process, over HTTP and on every database. */

export const limits = Object.freeze({
  /** A request body, and the text of any document before it is parsed. */
  body_bytes: 1_048_576,
  /** A sealed or imported envelope. */
  envelope_bytes: 262_144,
  /** Objects and arrays inside each other. */
  depth: 64,
  object_keys: 1_000,
  array_items: 10_000,
  /** UTF-16 units of one string. */
  string_chars: 131_072,
  /** Characters of an id or a name. */
  id_chars: 128,
  /** Significant digits of a number. */
  number_digits: 15,
})

export type Limits = { readonly [K in keyof typeof limits]: number }
