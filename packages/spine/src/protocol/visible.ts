/** Text of agents as people and models are shown it: what cannot be seen is shown, and can do nothing to a terminal. */

const unseen = /(?!\n|\t|\ufe0e|\ufe0f)[\p{Cc}\p{Cf}\p{Co}\p{DI}\u2028\u2029]/gu
const show = (char: string) => `<U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`

/** Control, zero-width and private characters become visible; line ends become \n. */
export const visibleText = (text: string): string => text.replaceAll('\r\n', '\n').replace(unseen, show)
