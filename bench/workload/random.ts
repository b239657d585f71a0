/** A number in [0, 1). */
export type Random = () => number

/** Mulberry32: the same numbers for the same seed, on every machine. */
export function random(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One seed out of several parts; FNV-1a over their text. */
export function seedOf(...parts: readonly (string | number)[]): number {
  let hash = 2166136261
  for (const char of parts.join('/')) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16777619)
  return hash >>> 0
}

/** A whole number from `low` to `high`, both included. */
export function integer(draw: Random, low: number, high: number): number {
  return low + Math.floor(draw() * (high - low + 1))
}

/** Exponential with the given mean. */
export function exponential(draw: Random, mean: number): number {
  return -mean * Math.log(1 - draw())
}

/** Standard normal, by Box and Muller. */
export function normal(draw: Random): number {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
}
