import { readdirSync, readFileSync } from 'node:fs'
import { type Offence, offencesIn } from './offences.ts'

const MAX_NAME = 110

/** Name of a test, a group or a table of them: the first argument of `it`, `describe` or of what `.each` returns. */
const NAME = /(?:(?<![.\w])(?:it|test|describe)(?:\.\w+)*|\))\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1,\s/g

/** What stands for a value of a row or of the code. */
const PLACEHOLDER = /%[sdifjop]|\$\{.*?\}|\$[\w.]+/g

/** Beginnings of a name that leave its subject to another line: verbs, pronouns and conjunctions. */
const WITHOUT_SUBJECT = new Set(
  `also and are be become becomes belong belongs but can come comes could depend depends did do does
  follow get give go had has have he is it its itself keep know let lose make may might must need never
  nor not of or put reach refuse said say she should take tell that them themselves then they those
  told was were what which who whoever whom whose will would
  accepts adds bears begins believes binds brings cancels chooses collects compares computes creates
  divides embeds explains fails fetches finds finishes follows forgets generates gets gives goes guesses
  hears helps holds ignores keeps kills knows learns leaves lets listens makes meets obeys opens outlives
  packs parses prepares puts reaches refuses rejects removes repeats replaces restores reuses saves says
  sees sends serves sleeps starves stays survives takes tells thins throws tries trusts uses waits wants`.split(
    /\s+/,
  ),
)

/** A word that ends like a verb, and what follows a verb but no subject: `answers a chat`, `names no host`. */
const VERB_AND_OBJECT =
  /^(?!(?:across|always|as|besides|less|this|unless|whereas)\b)[a-z]+s (?:an?|the|its|no|nothing|nobody|what|whatever|whoever|whether)\b/

/** Names of tests that a reader of a list of failures, who sees no other line, cannot understand. */
export function offencesInTestNames(source: string): Offence[] {
  return [...source.matchAll(NAME)].flatMap(({ index, 2: name = '' }) => {
    const line = source.slice(0, index).split('\n').length
    const advice = 'begin with what the test is about, and say what is true of it'
    const [first = ''] = name.split(' ', 1)
    const words = name.replace(PLACEHOLDER, '')
    const rules = [
      (WITHOUT_SUBJECT.has(first) || VERB_AND_OBJECT.test(name)) && `a test's name begins with '${first}'`,
      !/\p{L}/u.test(words) && `a test's name is only '${name}'`,
      name.length > MAX_NAME && `a test's name has ${name.length} characters, more than ${MAX_NAME}`,
    ]
    return [
      ...rules.flatMap((rule) => (rule === false ? [] : [{ line, rule, advice }])),
      ...offencesIn('', words).map((offence) => ({ ...offence, line })),
    ]
  })
}

/** Places in the files of a folder where the name of a test breaks a rule, as lines of text. */
export function placesInTestNames(test: URL): string[] {
  const files = readdirSync(test, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => /\.(?:test|contract)\.ts$/.test(path) && !path.includes('node_modules/'))
    .sort()
  return files.flatMap((path) =>
    offencesInTestNames(readFileSync(new URL(path, test), 'utf8')).map(
      ({ line, rule, advice }) => `test/${path}:${line}: ${rule}: ${advice}\n`,
    ),
  )
}
