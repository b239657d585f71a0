import { NothingError } from '../gbnf/grammar-error.ts'
import {
  type CodeRange,
  choice,
  EMPTY,
  type GrammarNode,
  literal,
  repeat,
  rule,
  sequence,
} from '../gbnf/node.ts'
import { automatonOf, type State } from './automaton.ts'
import type { CompileTime } from './compile-time.ts'
import type { Pattern } from './pattern.ts'

/** How the characters of a pattern are written. */
export interface Spelling {
  /** One character out of these, as the output spells it; undefined when the output cannot hold any of them. */
  readonly chars: (ranges: readonly CodeRange[]) => GrammarNode | undefined
  /** Takes the rules that are made. */
  readonly rules: Map<string, GrammarNode>
  /** Time that may be used. */
  readonly time: CompileTime
}

/** Ranges of a set that is written where it stands; one of more is a rule, as each use of it would count. */
const MAX_RANGES = 8
/** Alternatives inside alternatives before the next state gets a rule of its own. */
const MAX_NESTED = 8

/**
 * The grammar of a pattern: of the same shape, or, where it holds an intersection or a complement, of its automaton, in which one
 * way is open at each character.
 * @throws GrammarError where no text matches, or the automaton is too large.
 */
export function patternGrammar(pattern: Pattern, spelling: Spelling): GrammarNode {
  const sets = new SetWriter(spelling)
  if (isShape(pattern)) return sameShape(pattern, sets)
  const states = automatonOf(pattern, ({ ranges }) => sets.canWrite(ranges), spelling.time)
  if (states === undefined) throw new NothingError('no text is admitted')
  return new StateWriter(states, sets, spelling.rules).write()
}

/** Whether grammars have such a shape. */
function isShape(pattern: Pattern): boolean {
  if (pattern.type === 'sequence' || pattern.type === 'choice') return pattern.items.every(isShape)
  if (pattern.type === 'repeat') return isShape(pattern.item)
  return pattern.type === 'literal' || pattern.type === 'set'
}

function sameShape(pattern: Pattern, sets: SetWriter): GrammarNode {
  switch (pattern.type) {
    case 'literal': {
      const chars = [...pattern.text].map((char) => {
        const code = char.codePointAt(0) ?? 0
        return sets.node([[code, code]])
      })
      return sequence(...chars)
    }
    case 'set':
      return sets.node(pattern.ranges)
    case 'sequence':
      return sequence(...pattern.items.map((item) => sameShape(item, sets)))
    case 'choice':
      return choice(pattern.items.map((item) => sameShape(item, sets)))
    case 'repeat':
      return repeat(sameShape(pattern.item, sets), pattern.min, pattern.max)
    case 'all':
    case 'not':
    case 'multiple':
      throw new Error(`grammars have no shape for '${pattern.type}'`)
  }
}

/** Writes sets of characters, each of many ranges once. */
class SetWriter {
  readonly #spelling: Spelling
  readonly #spelled = new Map<readonly CodeRange[], GrammarNode | undefined>()
  readonly #named = new Map<string, GrammarNode>()

  constructor(spelling: Spelling) {
    this.#spelling = spelling
  }

  canWrite(ranges: readonly CodeRange[]): boolean {
    return this.#spell(ranges) !== undefined
  }

  /** @throws NothingError where the output can hold none of the characters. */
  node(ranges: readonly CodeRange[]): GrammarNode {
    const node = this.#spell(ranges)
    if (node === undefined) throw new NothingError('no character can stand there')
    if (ranges.length <= MAX_RANGES) return node
    const key = ranges.join(';')
    const known = this.#named.get(key)
    if (known !== undefined) return known
    const { rules } = this.#spelling
    const name = `set-${rules.size}`
    rules.set(name, node)
    this.#named.set(key, rule(name))
    return rule(name)
  }

  #spell(ranges: readonly CodeRange[]): GrammarNode | undefined {
    if (!this.#spelled.has(ranges)) this.#spelled.set(ranges, this.#spelling.chars(ranges))
    return this.#spelled.get(ranges)
  }
}

interface Edge {
  readonly chars: GrammarNode
  readonly to: number
}

/** Writes an automaton as rules: one for each state that several lead to. */
class StateWriter {
  readonly #states: readonly State[]
  readonly #edges: readonly (readonly Edge[])[]
  readonly #rules: Map<string, GrammarNode>
  readonly #named = new Map<number, string>()
  readonly #todo: number[] = []
  readonly #ways: number[]

  constructor(states: readonly State[], sets: SetWriter, rules: Map<string, GrammarNode>) {
    const edges = states.map((state) =>
      state.edges.map(({ ranges, to }): Edge => ({ chars: sets.node(ranges), to })),
    )
    this.#states = states
    this.#rules = rules
    this.#edges = edges
    this.#ways = states.map(() => 0)
    for (const [from, all] of edges.entries())
      for (const { to } of all) if (to !== from) this.#ways[to] = (this.#ways[to] ?? 0) + 1
    // The start has one way more, from outside.
    this.#ways[0] = (this.#ways[0] ?? 0) + 1
  }

  write(): GrammarNode {
    const start = this.#state(0, 0)
    for (let next = this.#todo.shift(); next !== undefined; next = this.#todo.shift())
      this.#rules.set(this.#named.get(next) ?? '', this.#body(next, 0))
    return start
  }

  #state(at: number, nested: number): GrammarNode {
    if (this.#ways[at] === 1 && nested < MAX_NESTED) return this.#body(at, nested)
    const known = this.#named.get(at)
    if (known !== undefined) return rule(known)
    const name = `state-${this.#rules.size}`
    // The name is taken before its content is made, which may use it.
    this.#rules.set(name, literal(''))
    this.#named.set(at, name)
    this.#todo.push(at)
    return rule(name)
  }

  #body(from: number, nested: number): GrammarNode {
    const items: GrammarNode[] = []
    // A row of states is one sequence, however long.
    for (let at = from; ; ) {
      const [loops, others] = [true, false].map((loop) =>
        (this.#edges[at] ?? []).filter(({ to }) => (to === at) === loop),
      ) as [Edge[], Edge[]]
      const { accepts = false } = this.#states[at] ?? {}
      if (loops.length > 0) items.push(repeat(choice(loops.map(({ chars }) => chars)), 0))
      const [only] = others
      if (only !== undefined && others.length === 1 && !accepts) {
        items.push(only.chars)
        if (this.#ways[only.to] === 1) {
          at = only.to
          continue
        }
        items.push(this.#state(only.to, nested))
      } else if (others.length > 0) {
        const next = others.map(({ chars, to }) => sequence(chars, this.#state(to, nested + 1)))
        items.push(choice(accepts ? [...next, EMPTY] : next))
      }
      return sequence(...items)
    }
  }
}
