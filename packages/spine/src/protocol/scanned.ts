/**
 * What the scanner has read, so that it is not walked a second time as a value: the documents and what their members
 * hold. Whoever reads a document does not change it: the door hands it on as it is, and envelopes are frozen.
 */

import { isObject } from './json-rules.ts'

const scanned = new WeakSet<object>()

/** The members too, because an input is put together from them and from what stood elsewhere. */
export function markScanned(document: unknown): void {
  if (!isObject(document)) return
  scanned.add(document)
  for (const member of Object.values(document)) if (isObject(member)) scanned.add(member)
}

export const isScanned = (value: object): boolean => scanned.has(value)
