function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

/** The known word a misspelt one most likely stands for, if any is close. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  // A hostile argument may be megabytes long, and the distance is quadratic.
  if (word.length > 64) return undefined
  const scored = known.map((candidate) => ({ candidate, score: distance(word, candidate) }))
  scored.sort((a, b) => a.score - b.score)
  const [best] = scored
  return best && best.score <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined
}
