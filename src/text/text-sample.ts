/** Characters of a window: what costs more than its length in a tokenizer, a word without an end, is no longer than that. */
const WINDOW = 64
const WINDOWS = 16

/** A part of a text that stands for all of it. */
export interface TextSample {
  /** At most WINDOWS of them, with as much between each and the next. */
  readonly windows: readonly string[]
  /** Characters of the text, for each of the windows'. */
  readonly scale: number
}

/** Of the texts together. Those that are short are whole but for their windows' edges. */
export function sampleOf(texts: readonly string[]): TextSample {
  const total = charactersOf(texts)
  const stride = Math.max(WINDOW, Math.ceil(total / WINDOWS))
  const windows: string[] = []
  let start = 0
  let next = 0
  for (const text of texts) {
    for (; next < start + text.length; next += stride)
      windows.push(text.slice(next - start, next - start + WINDOW))
    start += text.length
  }
  return { windows, scale: total / Math.max(1, charactersOf(windows)) }
}

export function charactersOf(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0)
}
