import { ServingError } from '../../base/errors.ts'
import type { ChatAbilities } from '../../text/template/chat-abilities.ts'
import { readQuietly } from '../field-reads.ts'
import { Fields } from '../fields.ts'
import { readTools, type ToolRequest } from './tools.ts'

/** A function as protocols other than chat completions have it: without an object around it. */
export interface FlatTool {
  readonly name: unknown
  readonly description: unknown
  readonly parameters: unknown
  readonly strict: unknown
}

export interface FlatToolRequest {
  readonly tools: readonly FlatTool[]
  /** In the words of chat completions. */
  readonly choice: unknown
  readonly parallel: boolean | undefined
}

/**
 * Reads tools as chat completions do.
 * @param parametersField what the protocol calls `parameters`.
 * @throws ServingError that names the fields of the protocol.
 */
export function readFlatTools(
  { tools, choice, parallel }: FlatToolRequest,
  abilities: ChatAbilities,
  parametersField: string,
): ToolRequest {
  const fields = new Fields({
    tools: tools.map((tool) => ({ type: 'function', function: tool })),
    tool_choice: choice,
    parallel_tool_calls: parallel,
  })
  const local = (text: string): string =>
    text
      .replace(/(tools\[\d+\])\.function/, '$1')
      .replace(/(tools\[\d+\])\.parameters/, `$1.${parametersField}`)
      .replace('tool_choice.function.name', 'tool_choice.name')
  try {
    return readQuietly(() => readTools(fields, abilities))
  } catch (error) {
    if (!(error instanceof ServingError) || error.param === null) throw error
    throw new ServingError(error.code, local(error.message), { param: local(error.param) })
  }
}
