import { exponential, type Random } from './random.ts'

/** Moments of `count` arrivals in ms from the start, in order: a Poisson process of `perSecond` requests a second. */
export function poissonArrivals(count: number, perSecond: number, draw: Random): number[] {
  let at = 0
  return Array.from({ length: count }, () => {
    at += exponential(draw, 1000 / perSecond)
    return at
  })
}

/** `count` arrivals in groups of `size` at once, a group every `everyMs`. */
export function burstArrivals(count: number, size: number, everyMs: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.floor(index / size) * everyMs)
}
