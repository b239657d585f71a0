import type { BatchEntry, Engine } from '../../src/protocol/engine.ts'

/** Runs one pass. What each entry got: its first token, undefined where none was to be drawn, or its error. */
export async function draw(
  engine: Engine,
  batch: readonly BatchEntry[],
): Promise<(number | undefined | Error)[]> {
  const results = await engine.step(batch)
  return results.map((result) => (result instanceof Error ? result : result.tokens[0]))
}
