export interface SlotLease {
  readonly slot: number
  /** Length of the prompt's prefix that is already resident. At most prompt.length - 1. */
  readonly cached: number
}

/** Which slot of the engine's KV memory holds what, and who has it. */
export interface SlotCache {
  /** What acquire() would find of a prompt; undefined when all slots are leased. */
  find(prompt: readonly number[]): SlotLease | undefined
  /** Leases a free slot for a prompt; undefined when all are leased. */
  acquire(prompt: readonly number[]): SlotLease | undefined
  /** Whether a slot may be filled with what another one holds. */
  readonly copies: boolean
  /** Gives a slot back with the tokens that are resident in it. @throws RangeError when it is not leased. */
  release(slot: number, resident: readonly number[]): void
  /** @throws Error when the bookkeeping contradicts itself. */
  checkIntegrity(leased: readonly number[]): void
}
