import type { ForcedCalls } from '../text/grammar/compile-grammar.ts'
import type { OutputFormat } from '../text/output-parser.ts'
import { unsupported } from './fields.ts'
import type { WantedConstraint } from './openai/structured-output.ts'
import type { ToolRequest } from './openai/tools.ts'

/**
 * What an answer must be: what was asked for, or calls that are forced; with room for the thought that a model begins with.
 * @throws ServingError where both are asked for: an answer is one or the other.
 */
export function wantedOutput(
  asked: WantedConstraint | undefined,
  { output: tools, forced }: ToolRequest,
  { reasoning }: Pick<OutputFormat, 'reasoning'>,
): WantedConstraint | undefined {
  if (asked !== undefined && tools !== undefined)
    throw unsupported(asked.param, "It is not available together with 'tools' yet.")
  const wanted = asked ?? (tools && forced && forcedCalls(tools, forced))
  if (wanted === undefined || reasoning?.opened !== true) return wanted
  return { ...wanted, constraint: { ...wanted.constraint, thought: { ...reasoning.tags, opened: true } } }
}

function forcedCalls(
  { format, offered, single }: NonNullable<OutputFormat['tools']>,
  forced: 'one' | 'some' | 'any',
): WantedConstraint {
  const wanted = forced === 'some' && single ? 'one' : forced
  const calls: ForcedCalls = { format, tools: [...offered], wanted }
  return { constraint: { kind: 'calls', source: JSON.stringify(calls) }, param: 'tools' }
}
