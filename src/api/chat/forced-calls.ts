import type { Thought } from '../../grammar/calls/thought-first.ts'
import type { Constraint, OfferedCalls } from '../../grammar/compile-grammar.ts'
import type { ReasoningTags } from '../../text/scan/reasoning.ts'
import type { ToolFormat } from '../../text/tool-formats/tool-format.ts'
import type { WantedConstraint } from './structured-output.ts'
import type { ThinkingRequest } from './thinking.ts'
import type { ToolRequest } from './tools.ts'

/** Constraint of an answer, and the thought that comes first where the prompt ends inside one. */
export interface WantedOutput extends WantedConstraint {
  readonly openThought: Thought | undefined
}

/**
 * Constraint of an answer: the client's own, tool calls, or whichever of both the model begins; with room for the thought
 * that it begins with, or may begin with where the client wants one. Where calls are forced, the client's own is left out:
 * the answer has no content that it could describe.
 */
export function wantedOutput(
  asked: WantedConstraint | undefined,
  tools: ToolRequest,
  reasoning: ReasoningTags | undefined,
  format: ToolFormat | undefined,
  { kwargs }: Pick<ThinkingRequest, 'kwargs'>,
): WantedOutput | undefined {
  const { forced } = tools
  const wantsThought = Object.values(kwargs).some((value) => value !== false)
  const document = forced === undefined ? asked : undefined
  const calls = offeredCalls(tools, document !== undefined, reasoning, format)
  if (document === undefined && calls === undefined) return undefined
  const anyText = calls?.wanted === 'any'
  const constraint: Constraint = {
    ...(document?.constraint ?? { kind: 'calls', source: '' }),
    calls,
    thought: thoughtBefore(anyText, reasoning, format, wantsThought),
    lead: document && (format?.lead ?? reasoning?.answer?.open),
  }
  const openThought = reasoning && format?.thought === undefined ? { ...reasoning, opened: true } : undefined
  return { constraint, param: document?.param ?? 'tools', openThought }
}

function offeredCalls(
  { output, forced, strict }: ToolRequest,
  besideDocument: boolean,
  reasoning: ReasoningTags | undefined,
  format: ToolFormat | undefined,
): OfferedCalls | undefined {
  const notation = format?.notation
  if (output === undefined || notation === undefined) return undefined
  const free = forced === undefined && !besideDocument
  const tools = [...output.offered]
  return {
    format: output.format,
    tools,
    wanted: free ? 'any' : forced === 'one' || output.single ? 'one' : 'some',
    loose: forced === undefined ? tools.flatMap(([name]) => (strict.has(name) ? [] : [name])) : [],
    // Without an opening tag it is the prompt that opens a thought.
    thought: free && format?.thought === undefined && reasoning?.open !== '' ? reasoning : undefined,
  }
}

function thoughtBefore(
  anyText: boolean,
  reasoning: ReasoningTags | undefined,
  format: ToolFormat | undefined,
  wanted: boolean,
): Thought | undefined {
  // Any text may hold a thought: there is nothing to add.
  if (format?.thought !== undefined) return anyText ? undefined : { ...format.thought, opened: false }
  return reasoning === undefined || reasoning.open === '' || anyText || !wanted
    ? undefined
    : { ...reasoning, opened: false }
}
