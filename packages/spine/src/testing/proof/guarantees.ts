/** What is promised, by the numbers that the faults and docs/proofs.md call it. */

export const guarantees: Readonly<Record<string, string>> = Object.freeze({
  G1: 'what was answered with 2xx is on disk: the envelope and each of its deliveries',
  G2: 'nothing accepted is lost: each delivery comes to one end, or rests in the dead-letter box for all to see',
  G3: 'it is handed out again until it is acknowledged, its attempts are spent, or it is expired or cancelled',
  G4: 'of one publication all deliveries exist, or none',
  G5: 'a repeat with the same idempotency key makes nothing new for 24 hours; with another body it is refused',
  G6: 'a delivery has at most one owner, and who has lost it changes nothing any more',
  G7: 'an acknowledgement counts once; its repeats answer the same, and one of an overtaken lease is refused',
  G8: 'what a dead receiver held is there again within 2 s after its lease, what a dead server held after its restart',
  G9: 'three attempts, with pauses that are random, at most 30 s, and as long as a receiver asked for',
  G10: 'what crashes its receiver is parked after three accepts, and costs others no attempt',
  G11: 'one breaker per target for all nodes: open, it burns no attempts; half open, it lets one delivery through',
  G12: 'an envelope is read byte for byte as it was stored; one that was changed is noticed and never served',
  G13: 'a chain ends at its hop limit or where it goes in a circle: nothing is sealed, and the work is parked',
  G14: 'the more urgent comes first, then the older, as well as can be; no strict order is promised',
  G15: 'fairness between namespaces: not promised yet',
  G16: 'no namespace reads, writes or acknowledges what is of another',
  G17: 'too much is refused before memory or disk run out, and what is hostile before anything is stored',
  G18: 'a wall clock that jumps ends no leases in masses, and nothing waits for longer than one lease because of it',
})
