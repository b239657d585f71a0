import type { ChatAbilities } from '../../text/template/chat-abilities.ts'
import { type FlatTool, readFlatTools } from '../chat/flat-tools.ts'
import type { ToolRequest } from '../chat/tools.ts'
import { type Fields, missing, oneOf, unsupported, wrongType } from '../fields.ts'
import { type Notice, noticeCacheControl, requiredString } from './content.ts'

const MAX_TOOLS = 128
/** Hints that change nothing here. */
const HINTS = ['allowed_callers', 'defer_loading', 'eager_input_streaming', 'input_examples']

/** Anthropic: `tools` and `tool_choice`. @throws ServingError for tools that Anthropic's own servers or models have. */
export function readAnthropicTools(fields: Fields, abilities: ChatAbilities, notice: Notice): ToolRequest {
  const tools = (fields.objects('tools', MAX_TOOLS) ?? []).map((item) => readTool(item, notice))
  return readFlatTools({ tools, ...readChoice(fields) }, abilities, 'input_schema')
}

function readTool(tool: Fields, notice: Notice): FlatTool {
  const type = tool.string('type') ?? 'custom'
  if (type !== 'custom')
    throw unsupported(tool.pathOf('type'), 'Only tools with an input_schema are available.')
  noticeCacheControl(tool, notice)
  for (const hint of HINTS) if (tool.value(hint) !== undefined) notice(`tools.${hint}`)
  const schema = tool.anyObject('input_schema')
  if (schema === undefined) throw missing(tool.pathOf('input_schema'))
  return {
    name: requiredString(tool, 'name'),
    description: tool.string('description'),
    parameters: schema,
    strict: tool.boolean('strict'),
  }
}

/** In the words of chat completions. */
function readChoice(fields: Fields): { choice: unknown; parallel: boolean | undefined } {
  const choice = fields.object('tool_choice')
  if (choice === undefined) return { choice: undefined, parallel: undefined }
  const type = oneOf('tool_choice.type', choice.required('type'), ['auto', 'any', 'tool', 'none'])
  const parallel = choice.boolean('disable_parallel_tool_use') === true ? false : undefined
  if (type !== 'tool') return { choice: type === 'any' ? 'required' : type, parallel }
  const name = requiredString(choice, 'name')
  if (name === '') throw wrongType('tool_choice.name', 'the name of a tool', name)
  return { choice: { type: 'function', function: { name } }, parallel }
}
