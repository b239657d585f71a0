import { toolFormatNamed } from '../text/tool-formats/formats.ts'
import { callGrammar } from './calls/call-grammar.ts'
import { type Constraint, compileConstraint, type OfferedCalls } from './compile-grammar.ts'
import { GrammarError } from './gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from './gbnf/limits.ts'
import { CompileNotes } from './schema/compile-notes.ts'
import { CompileTime } from './schema/compile-time.ts'

export interface CompiledConstraint {
  readonly gbnf: string
  /** Paths of keywords that were promised and are held to less, or to more, than they say. */
  readonly changed: readonly string[]
}

/**
 * Compiles a constraint with tools whose schemas no client was promised. Where the whole cannot be compiled, such a tool takes
 * any arguments, first those that are guilty, then all; and at last calls that nothing marks are not looked for.
 * @throws GrammarError where that is not enough.
 */
export function compileLoosely(constraint: Constraint): CompiledConstraint {
  const { calls } = constraint
  if (calls?.loose === undefined || calls.loose.length === 0) return compiled(constraint)
  const { tools, loose } = calls
  const ofLoose = tools.flatMap(([name], index) => (loose.includes(name) ? [`[${index}].`] : []))
  const { gbnf, changed } = looselyCompiled(constraint, calls)
  return { gbnf, changed: changed.filter((path) => !ofLoose.some((start) => path.startsWith(start))) }
}

function compiled(constraint: Constraint, time = new CompileTime()): CompiledConstraint {
  const notes = new CompileNotes(time)
  const gbnf = compileConstraint(constraint, notes)
  return { gbnf, changed: [...notes.changed] }
}

function looselyCompiled(constraint: Constraint, calls: OfferedCalls): CompiledConstraint {
  const time = new CompileTime()
  // What was promised must be compiled, however long the rest took.
  const last = new CompileTime(1.5 * GRAMMAR_LIMITS.compileMs)
  let refused: GrammarError | undefined
  const attempt = (tools: OfferedCalls['tools'], within: CompileTime): CompiledConstraint | undefined => {
    try {
      return compiled({ ...constraint, calls: { ...calls, tools } }, within)
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error
      refused ??= error
      return undefined
    }
  }
  const grammar =
    attempt(calls.tools, time) ??
    attempt(loosened(calls, guilty(calls, time)), time) ??
    attempt(loosened(calls, calls.loose ?? []), last) ??
    (isUnmarked(calls) ? attempt([], last) : undefined)
  if (grammar === undefined) throw refused
  return grammar
}

/** Tools whose own schema cannot be compiled, and all that there was no time to try. */
function guilty({ format, tools, loose = [] }: OfferedCalls, time: CompileTime): string[] {
  const notation = toolFormatNamed(format)?.notation
  const compiles = (name: string, parameters: unknown): boolean => {
    if (notation === undefined || time.isOver) return false
    try {
      callGrammar(new Map([[name, parameters]]), notation, 'one', undefined, new CompileNotes(time))
      return true
    } catch (error) {
      if (error instanceof GrammarError) return false
      throw error
    }
  }
  return tools.flatMap(([name, parameters]) =>
    loose.includes(name) && !compiles(name, parameters) ? [name] : [],
  )
}

/** Whether a call is separated from text letter by letter, for which a list of tools may be too long. */
function isUnmarked({ format, wanted, tools, loose = [] }: OfferedCalls): boolean {
  const unmarked = toolFormatNamed(format)?.notation?.mark === undefined
  return wanted === 'any' && unmarked && tools.length === loose.length
}

function loosened({ tools }: OfferedCalls, names: readonly string[]): OfferedCalls['tools'] {
  const any = new Set(names)
  return tools.map(([name, parameters]) => [name, any.has(name) ? true : parameters])
}
