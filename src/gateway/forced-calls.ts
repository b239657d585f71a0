import type { ForcedCalls } from '../text/grammar/compile-grammar.ts'
import type { Thought } from '../text/grammar/thought-first.ts'
import type { OutputFormat } from '../text/output-parser.ts'
import type { ToolFormat } from '../text/tool-formats/tool-format.ts'
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
  format: ToolFormat | undefined,
): WantedConstraint | undefined {
  if (asked !== undefined && tools !== undefined)
    throw unsupported(asked.param, "It is not available together with 'tools' yet.")
  const wanted = asked ?? (tools && forced && forcedCalls(tools, forced))
  if (wanted === undefined) return undefined
  const thought = thoughtBefore(asked === undefined ? forced : undefined, reasoning, format)
  const lead = asked && format?.lead
  return {
    ...wanted,
    constraint: { ...wanted.constraint, ...(thought && { thought }), ...(lead && { lead }) },
  }
}

function thoughtBefore(
  forced: ToolRequest['forced'],
  reasoning: OutputFormat['reasoning'],
  format: ToolFormat | undefined,
): Thought | undefined {
  if (format?.thought === undefined)
    return reasoning?.opened === true ? { ...reasoning.tags, opened: true } : undefined
  // Where any text may come, a thought may.
  return forced === 'any' ? undefined : { ...format.thought, opened: false }
}

function forcedCalls(
  { format, offered, single }: NonNullable<OutputFormat['tools']>,
  forced: 'one' | 'some' | 'any',
): WantedConstraint {
  const wanted = forced === 'some' && single ? 'one' : forced
  const calls: ForcedCalls = { format, tools: [...offered], wanted }
  return { constraint: { kind: 'calls', source: JSON.stringify(calls) }, param: 'tools' }
}
