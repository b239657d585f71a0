import { realTemplates } from './llama-source.ts'

/** Set by `npm run test:notations`: a server for each family. */
const all = process.env['ALL_NOTATIONS'] !== undefined

/** Real templates by name: those of `sample`, or of all names where every family is asked for. Without a server test/text has them all. */
export function familiesOf(names: readonly string[], sample: readonly string[]): Map<string, string> {
  const chosen = all ? names : sample
  if (!all) {
    const left = names.length - sample.length
    process.stderr.write(`${left} families of notations are not served here: npm run test:notations\n`)
  }
  const sources = new Map(realTemplates().map(({ name, source }) => [name, source]))
  return new Map(
    chosen.map((name) => {
      const source = sources.get(name)
      if (source === undefined) throw new Error(`llama.cpp's source has no template ${name}`)
      return [name, source]
    }),
  )
}
