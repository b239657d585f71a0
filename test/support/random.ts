/** A whole number from 0 to below - 1. */
export type Random = (below: number) => number

/** The same numbers for the same seed. */
export function random(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
