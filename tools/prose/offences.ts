/** A place in a source file where a reader would stumble, and what to do about it. */
export interface Offence {
  readonly line: number
  readonly rule: string
  readonly advice: string
}

/** Beginnings of a phrase that cannot stand alone: an editor shows a doc comment without the code around it. */
const DANGLING =
  /^(?:After|As|At|Before|Both|For|In|Its?|Of|Same|So many|So much|That|The same|They|Them|Those|Until|What|When|Where|Who|Whoever|Whom|Whose|With)\b/

/** Words of this repository alone, in comments, messages and names, and the field's own words for them. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  'report, emit or send': ['tell', 'tells', 'telling', 'told', 'retell', 'retelling'],
  'receive or see': ['hear', 'hears', 'hearing', 'heard'],
  assert: ['insist', 'insists'],
  invariants: ['integrity', 'books'],
  'gateway, admission or drain': ['door', 'doors'],
  'garbage collection': ['tidy', 'tidying'],
}
const INSTEAD = new Map(Object.entries(WORDS).flatMap(([field, words]) => words.map((word) => [word, field])))

/** Beginnings of constants, and how they begin elsewhere. */
const CONSTANTS = new Map([
  ['THE_ONE_', 'DEFAULT_'],
  ['MOST_', 'MAX_'],
  ['LEAST_', 'MIN_'],
])

/** Texts that are right as they are: they are part of a model's prompt, and other words would change its answers. */
const PROMPTS = ['You will be told what came of it.']

/** Everything in a file that breaks a rule, in the order of its lines; the words of its path belong to line 1. */
export function offencesIn(path: string, source: string): Offence[] {
  const text = PROMPTS.reduce((rest, prompt) => rest.replace(prompt, ''), source)
  const lines = text.split('\n').map((line) => line.replace(/ from '.*'/, ''))
  return [
    ...privateWords(path, 1),
    ...dangling(text),
    ...lines.flatMap((line, index) => privateWords(line, index + 1)),
  ].sort((a, b) => a.line - b.line)
}

function dangling(source: string): Offence[] {
  return [...source.matchAll(/\/\*\*[\s*]*(.*)/g)].flatMap(({ index, 0: all, 1: text = '' }) => {
    const begin = DANGLING.exec(text)?.[0]
    if (begin === undefined) return []
    const line = source.slice(0, index + all.length).split('\n').length
    return [{ line, rule: `a doc comment begins with '${begin}'`, advice: 'begin with a noun or a verb' }]
  })
}

function privateWords(text: string, line: number): Offence[] {
  const words = [...text.matchAll(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g)].map(([word]) => word)
  const found = words.map((word) => [word, INSTEAD.get(word.toLowerCase())] as const)
  const constants = [...CONSTANTS].filter(([begin]) => new RegExp(`\\b${begin}`).test(text))
  return [...found, ...constants].flatMap(([word, field]) =>
    field === undefined ? [] : [{ line, rule: `'${word}' is no word of the field`, advice: `say ${field}` }],
  )
}
