/** Template variables that a client may set: those that models document, and none that could reach further. */
export const TEMPLATE_VARIABLES = ['enable_thinking', 'thinking', 'reasoning_effort'] as const
type TemplateVariable = (typeof TEMPLATE_VARIABLES)[number]

type Kwargs = Readonly<Record<string, unknown>>

/** A variable that means in a family's templates what a common one means in others. */
interface OwnWord {
  readonly name: string
  /** Text that its template holds beside the name. Default: none. */
  readonly mark?: string
  readonly common: TemplateVariable
  /** Value that means the same as a common one; undefined: it is not set. @param own what is set in its place. */
  readonly value: (common: unknown, own: unknown) => unknown
}

/** Values for no effort, little, and much; the last for the most there is. A template's own value stays. */
const levels =
  (none: string | undefined, low: string, high: string, most = high) =>
  (effort: unknown): string | undefined => {
    const own = [none, low, high, most].find((value) => value === effort)
    if (own !== undefined) return own
    if (effort === 'none') return none
    if (effort === 'minimal' || effort === 'low') return low
    return effort === 'xhigh' || effort === 'max' ? most : high
  }

const OWN_WORDS: readonly OwnWord[] = [
  // MiniMax M3; Seed-OSS, whose budget is none when it is not to think.
  { name: 'thinking_mode', common: 'enable_thinking', value: (on) => (on ? 'enabled' : 'disabled') },
  { name: 'thinking_budget', common: 'enable_thinking', value: (on, own) => (on ? own || undefined : 0) },
  // Kimi K3; Muse; Hunyuan 3, which refuses all other words.
  { name: 'thinking_effort', common: 'reasoning_effort', value: levels(undefined, 'low', 'high', 'max') },
  { name: 'reasoning_strength', common: 'reasoning_effort', value: (effort) => effort },
  {
    name: 'reasoning_effort',
    mark: "'no_think'",
    common: 'reasoning_effort',
    value: levels('no_think', 'low', 'high'),
  },
]

function wordsOf(template: string, names: ReadonlySet<string>): OwnWord[] {
  return OWN_WORDS.filter(({ name, mark = '' }) => names.has(name) && template.includes(mark))
}

/** The common variables that a template reads, in its own words or in these. @param names all that it reads. */
export function variablesOf(template: string, names: ReadonlySet<string>): TemplateVariable[] {
  const own = wordsOf(template, names)
  return TEMPLATE_VARIABLES.filter((name) => names.has(name) || own.some(({ common }) => common === name))
}

/** Puts values of the common variables into the words of a template. */
export function inOwnWords(template: string, names: ReadonlySet<string>): (kwargs: Kwargs) => Kwargs {
  const own = wordsOf(template, names)
  return (kwargs) => {
    const said = { ...kwargs }
    for (const { name, common, value } of own) {
      if (kwargs[common] === undefined) continue
      const meant = value(kwargs[common], kwargs[name])
      if (meant === undefined) delete said[name]
      else said[name] = meant
    }
    return said
  }
}
