/** Decides when it pays to move keys and values out of a slot and back. */
export interface TransferRule {
  /** Tokens below which no transfer is worth it. */
  readonly least: number
  /** Whether it pays to read a parked prefix of `held` tokens so that `spared` ones, from position `from` on, need no computing. */
  pays(held: number, from: number, spared: number): boolean
}

/** The rule without measurements: reading 16 tokens is taken to cost as much as computing one. */
export function transfersByLength(least = 64): TransferRule {
  return { least, pays: (held, _from, spared) => spared >= Math.max(least, held / 16) }
}
