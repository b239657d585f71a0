/** Rows of a prompt that go into a pass: the next `count` tokens, and `back` tokens before them once more. */
export interface PrefillChunk {
  readonly count: number
  readonly back: number
}

/** Part of a tile from which computing a whole one is cheaper. */
const SHORT = 0.25

/**
 * How much of a prompt to compute in a pass. llama.cpp's attention on a CPU is three times as fast where a sequence has a
 * tile of rows or more (ggml: 64), so a chunk is whole tiles, and the short end of a prompt is filled up to one with
 * tokens that are computed again. Beside other sequences one row more: llama.cpp computes the first of each by itself.
 *
 * @param pending tokens of the prompt that are still to be computed.
 * @param computed tokens before them that may be computed again.
 * @param room tokens the pass can take.
 */
export function prefillChunk(
  pending: number,
  computed: number,
  room: number,
  tile: number,
  besideOthers: boolean,
): PrefillChunk {
  const first = besideOthers ? 1 : 0
  if (pending > room) {
    const whole = Math.floor((room - first) / tile) * tile
    return { count: whole > 0 ? whole + first : Math.max(0, room), back: 0 }
  }
  const rows = pending - first
  const lacking = tile - rows
  const fill = rows > SHORT * tile && lacking > 0 && lacking <= Math.min(computed, room - pending)
  return { count: pending, back: fill ? lacking : 0 }
}
