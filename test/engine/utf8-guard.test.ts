import { expect, it } from 'vitest'
import { Utf8Guard } from '../../src/engine/llama/utf8-guard.ts'
import { random } from '../support/random.ts'

/** Whether the bytes can be followed by others so that the whole is UTF-8, by a decoder that is not ours. */
function canGoOn(bytes: readonly number[]): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes), { stream: true })
    return true
  } catch {
    return false
  }
}

/** Tokens of one byte, and of two to four that are often at the edges of what is allowed. */
const below = random(3)
const EDGES = [0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5]
const tokens = [
  ...Array.from({ length: 256 }, (_, byte) => [byte]),
  ...Array.from({ length: 2000 }, () =>
    Array.from({ length: 2 + below(3) }, () => EDGES[below(EDGES.length)] ?? 0),
  ),
]
const guard = new Utf8Guard(
  tokens.length,
  (token) => Buffer.from(tokens[token] ?? []).toString(),
  (token) => Uint8Array.from(tokens[token] ?? []),
)

it('the UTF-8 guard bans tokens that are no part of UTF-8 after any token, and no others', () => {
  const starts = [[], [0xc3], [0xe1], [0xe1, 0x80], [0xf1], [0xf1, 0x80], [0xf1, 0x80, 0x80]]
  const bans = new Set(guard.bansAfter(0x41))
  for (const [token, bytes] of tokens.entries()) {
    const somewhere = starts.some((start) => canGoOn([...start, ...bytes]))
    expect([bytes, bans.has(token)]).toEqual([bytes, !somewhere])
  }
})

it.each([0xe0, 0xed, 0xf0, 0xf4])('the UTF-8 guard bans bytes that make no character after %i', (first) => {
  const bans = new Set(guard.bansAfter(first))
  for (const [token, bytes] of tokens.entries()) {
    const [second = 0] = bytes
    if (second < 0x80 || second > 0xbf) continue
    if (!canGoOn([first, second])) expect([bytes, bans.has(token)]).toEqual([bytes, true])
    if (bans.has(token)) expect([bytes, canGoOn([first, ...bytes])]).toEqual([bytes, false])
  }
})
