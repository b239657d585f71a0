import { integer, type Random, random } from '../workload/random.ts'

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'

/**
 * Words of three letters: one token each for the random-weight model, and `tokensPerWord` for another.
 * Starts with a space, as a word inside a text does.
 */
export function wordsOf(seed: number, tokens: number, tokensPerWord: number): string {
  const draw = random(seed)
  const words = Math.max(1, Math.round(tokens / tokensPerWord))
  return Array.from({ length: words }, () => ` ${word(draw)}`).join('')
}

function word(draw: Random): string {
  return Array.from({ length: 3 }, () => LETTERS.charAt(integer(draw, 0, 25))).join('')
}
