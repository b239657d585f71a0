/** Rows of a prompt that go into a pass: the next `count` tokens, and the `back` tokens before them once more. */
export interface PrefillChunk {
  readonly count: number
  readonly back: number
}

/** Depth at which a row's attention, computed by whole tiles, costs as much as the rest of the row: 1,600 with AMX, 3,400 without. */
const EVEN_DEPTH = 2500
/** How many times as much a row's attention costs in a chunk of less than a tile. */
const ROW_BY_ROW = 3.5

/**
 * The part of a prompt to compute in a pass. llama.cpp's attention on a CPU is three times as fast where a sequence has a
 * tile of rows or more (ggml: 64), so a chunk is whole tiles, and the short end of a prompt is filled up to a tile with
 * tokens that are computed again, where it is so deep that this costs less: 40 pending tokens at a depth of 3000 become 24
 * tokens back and 40 on. Beside other sequences a chunk has one row more: llama.cpp computes the first row of each by itself.
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
  const possible = lacking > 0 && lacking <= Math.min(computed, room - pending)
  return { count: pending, back: possible && wholeTileIsCheaper(rows, tile, computed) ? lacking : 0 }
}

function wholeTileIsCheaper(rows: number, tile: number, depth: number): boolean {
  const attention = depth / EVEN_DEPTH
  return tile * (1 + attention) < rows * (1 + ROW_BY_ROW * attention)
}
