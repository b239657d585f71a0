import { GrammarError } from './grammar-error.ts'
import { GRAMMAR_LIMITS } from './limits.ts'
import { blocksOf, type Grammar, type GrammarNode } from './node.ts'

/**
 * Checks what llama.cpp relies on: every rule is defined, none begins with itself, all can end,
 * and the whole stays within the limits.
 * @throws GrammarError
 */
export function checkGrammar(grammar: Grammar): void {
  if (!grammar.has('root')) throw new GrammarError("there is no rule 'root'")
  if (grammar.size > GRAMMAR_LIMITS.rules)
    throw new GrammarError(`it needs more than ${GRAMMAR_LIMITS.rules} rules`)
  checkReferences(grammar)
  checkSize(grammar)
  const nullable = rulesWhere(grammar, isNullable)
  checkProductive(grammar)
  new LeftEdge(grammar, nullable).check()
}

function children(node: GrammarNode): readonly GrammarNode[] {
  if (node.type === 'sequence' || node.type === 'choice') return node.items
  return node.type === 'repeat' ? [node.item] : []
}

function checkReferences(grammar: Grammar): void {
  const visit = (node: GrammarNode): void => {
    if (node.type === 'rule' && !grammar.has(node.name))
      throw new GrammarError(`the rule '${node.name}' is not defined`)
    for (const child of children(node)) visit(child)
  }
  for (const node of grammar.values()) visit(node)
}

function checkSize(grammar: Grammar): void {
  let elements = 0
  const visit = (node: GrammarNode): void => {
    elements += elementsOf(node)
    if (elements > GRAMMAR_LIMITS.elements)
      throw new GrammarError(`it is larger than ${GRAMMAR_LIMITS.elements} elements when written out`)
    for (const child of children(node)) visit(child)
  }
  for (const node of grammar.values()) visit(node)
}

function elementsOf(node: GrammarNode): number {
  if (node.type === 'literal') return node.text.length + 1
  if (node.type === 'set') return 2 * node.ranges.length
  if (node.type !== 'repeat') return 1
  const blocks = blocksOf(node.min, node.max, GRAMMAR_LIMITS.repetitions)
  return 4 * (blocks === undefined ? Math.max(node.min, node.max ?? 1) : 4 * blocks.block)
}

type RuleProperty = (node: GrammarNode, rules: ReadonlySet<string>) => boolean

/** The rules that have a property, which may depend on the property of others: the least such set. */
function rulesWhere(grammar: Grammar, holds: RuleProperty): ReadonlySet<string> {
  const found = new Set<string>()
  const users = usersOf(grammar)
  const todo = [...grammar.keys()]
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    const node = grammar.get(name)
    if (node === undefined || found.has(name) || !holds(node, found)) continue
    found.add(name)
    todo.push(...(users.get(name) ?? []))
  }
  return found
}

function usersOf(grammar: Grammar): Map<string, Set<string>> {
  const users = new Map<string, Set<string>>()
  const visit = (node: GrammarNode, user: string): void => {
    if (node.type === 'rule') users.set(node.name, (users.get(node.name) ?? new Set()).add(user))
    for (const child of children(node)) visit(child, user)
  }
  for (const [name, node] of grammar) visit(node, name)
  return users
}

/** Whether the node matches the empty text. */
function isNullable(node: GrammarNode, rules: ReadonlySet<string>): boolean {
  switch (node.type) {
    case 'literal':
      return node.text === ''
    case 'set':
      return false
    case 'rule':
      return rules.has(node.name)
    case 'sequence':
      return node.items.every((item) => isNullable(item, rules))
    case 'choice':
      return node.items.some((item) => isNullable(item, rules))
    case 'repeat':
      return node.min === 0 || isNullable(node.item, rules)
  }
}

/** Whether any text matches the node. */
function isProductive(node: GrammarNode, rules: ReadonlySet<string>): boolean {
  switch (node.type) {
    case 'literal':
      return true
    case 'set':
      return node.ranges.length > 0
    case 'rule':
      return rules.has(node.name)
    case 'sequence':
      return node.items.every((item) => isProductive(item, rules))
    case 'choice':
      return node.items.some((item) => isProductive(item, rules))
    case 'repeat':
      return node.min === 0 || isProductive(node.item, rules)
  }
}

/** Checks that every part can end: a branch without an end would be entered, and never left. */
function checkProductive(grammar: Grammar): void {
  const productive = rulesWhere(grammar, isProductive)
  const visit = (node: GrammarNode): void => {
    if (!isProductive(node, productive)) throw new GrammarError('a part of it can never end')
    for (const child of children(node)) visit(child)
  }
  for (const node of grammar.values()) visit(node)
}

/** Checks the left edge of rules: a rule must not begin with itself, nor with too many alternatives. */
class LeftEdge {
  readonly #grammar: Grammar
  readonly #nullable: ReadonlySet<string>
  readonly #paths = new Map<string, number | 'open'>()

  constructor(grammar: Grammar, nullable: ReadonlySet<string>) {
    this.#grammar = grammar
    this.#nullable = nullable
  }

  check(): void {
    let all = 0
    for (const name of this.#grammar.keys()) all += this.#ofRule(name, 0)
    if (all > GRAMMAR_LIMITS.leftPathsOfAll) throw new GrammarError('it has too many alternatives')
  }

  #ofRule(name: string, depth: number): number {
    const known = this.#paths.get(name)
    if (known === 'open') throw new GrammarError(`the rule '${name}' begins with itself (left recursion)`)
    if (known !== undefined) return known
    if (depth > 1000) throw new GrammarError('rules that begin with each other are nested too deeply')
    this.#paths.set(name, 'open')
    const node = this.#grammar.get(name)
    const paths = node === undefined ? 0 : 1 + this.#of(node, depth + 1)
    if (paths > GRAMMAR_LIMITS.leftPaths) throw new GrammarError('it has too many alternatives at one place')
    this.#paths.set(name, paths)
    return paths
  }

  #of(node: GrammarNode, depth: number): number {
    switch (node.type) {
      case 'literal':
      case 'set':
        return 1
      case 'rule':
        return this.#ofRule(node.name, depth)
      case 'choice':
        return node.items.reduce((sum, item) => sum + this.#of(item, depth), 0)
      case 'sequence':
        return this.#ofSequence(node.items, depth)
      case 'repeat':
        return this.#ofRepeat(node, depth)
    }
  }

  #ofSequence(items: readonly GrammarNode[], depth: number): number {
    let sum = 0
    for (const item of items) {
      sum += this.#of(item, depth)
      if (!isNullable(item, this.#nullable)) break
    }
    return sum
  }

  #ofRepeat({ item, max }: Extract<GrammarNode, { type: 'repeat' }>, depth: number): number {
    const once = 1 + this.#of(item, depth)
    if (!isNullable(item, this.#nullable)) return once
    if (max === undefined) throw new GrammarError('a part that can be empty is repeated without end')
    return once * max
  }
}
