import type { GrammarNode } from '../gbnf/node.ts'
import type { CompileNotes } from './compile-notes.ts'
import type { JsonRules } from './json-any.ts'
import type { Schema } from './schema-keywords.ts'

/** The schema compiler as the compilers of objects and arrays use it. */
export interface SchemaContext {
  readonly json: JsonRules
  /** A schema's grammar. */
  compile(schema: Schema, path: string): GrammarNode
  /** The schema with its own reference followed, its keywords checked. @throws GrammarError */
  flat(schema: Schema, path: string): Schema
  readonly notes: CompileNotes
  /** A new rule for a part that is used more than once. */
  define(node: GrammarNode): GrammarNode
}
