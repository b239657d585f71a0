import { integer, normal, type Random } from './random.ts'

/** How long prompts or outputs are, in tokens. */
export type Lengths =
  | { readonly kind: 'fixed'; readonly tokens: number }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  /** Many short and a few long, as chat traffic is; cut to `low` and `high`. */
  | {
      readonly kind: 'lognormal'
      readonly median: number
      readonly sigma: number
      readonly low: number
      readonly high: number
    }

export const fixed = (tokens: number): Lengths => ({ kind: 'fixed', tokens })

/** Whole tokens. */
export function drawLength(lengths: Lengths, draw: Random): number {
  if (lengths.kind === 'fixed') return lengths.tokens
  if (lengths.kind === 'uniform') return integer(draw, lengths.low, lengths.high)
  const value = lengths.median * Math.exp(lengths.sigma * normal(draw))
  return Math.round(Math.min(lengths.high, Math.max(lengths.low, value)))
}
