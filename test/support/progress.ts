const EVERY_MS = 10_000
let told = 0

/** Says on a long run how far it is, every ten seconds and at its end. */
export function progress(what: string, done: number, of: number): void {
  if (process.env['SCHEMA_ROUNDS'] === undefined) return
  if (done < of && performance.now() - told < EVERY_MS) return
  told = performance.now()
  process.stderr.write(`${what}: ${done} of ${of}\n`)
}
