/** When it is worth it to move keys and values out of a slot and back. */
export interface TransferRule {
  /** Tokens that a transfer has to save or to spare. */
  readonly least: number
  /** Whether reading `held` tokens pays that spares computing `spared` ones, from `from` on. All that is held is read. */
  pays(held: number, from: number, spared: number): boolean
}

/** Without measurements: reading 16 tokens is thought to take as long as computing one. */
export function transfersByLength(least = 64): TransferRule {
  return { least, pays: (held, _from, spared) => spared >= Math.max(least, held / 16) }
}
