import type { ChatAbilities } from '../../text/template/chat-abilities.ts'
import { MAX_NAME } from '../chat/names.ts'
import { MAX_TOOLS, type ToolChoice } from '../chat/tool-choice.ts'
import { offerTools, type ToolRequest } from '../chat/tools.ts'
import { unsupported, wrongType } from '../contract/failures.ts'
import { ignored, required } from '../contract/fates.ts'
import { at, type Read } from '../contract/field.ts'
import { anyObject, flag, string } from '../contract/kinds.ts'
import { list, one, tagged } from '../contract/objects.ts'
import { cacheControl } from './content.ts'

/** Anthropic: hints of a tool that have no effect. */
const hints = {
  allowed_callers: ignored('tools.allowed_callers'),
  defer_loading: ignored('tools.defer_loading'),
  eager_input_streaming: ignored('tools.eager_input_streaming'),
  input_examples: ignored('tools.input_examples'),
}

const tool = tagged(
  'type',
  {
    custom: {
      ...cacheControl,
      ...hints,
      input_schema: required(anyObject),
      name: required(string()),
      description: string(),
      strict: flag,
    },
  },
  {
    byDefault: 'custom',
    unknown: (fields) => unsupported(fields.pathOf('type'), 'Only tools with an input_schema are available.'),
  },
)

const parallel = { disable_parallel_tool_use: flag }
const choice = tagged('type', {
  auto: parallel,
  any: parallel,
  tool: { ...parallel, name: required(string(MAX_NAME)) },
  none: parallel,
})

export const toolFields = { tools: list(tool, MAX_TOOLS), tool_choice: one(choice) }
type Choice = ReturnType<(typeof choice)['read']>

/** Anthropic: `tools` and `tool_choice`. @throws ServingError for tools that only Anthropic's own servers or models have. */
export function anthropicTools(
  { tools = [], tool_choice: choice }: Read<typeof toolFields>,
  abilities: ChatAbilities,
): ToolRequest {
  const offered = tools.map(({ name, description, input_schema: parameters, strict, [at]: fields }) => ({
    name,
    description,
    parameters,
    strict,
    path: fields.pathOf('name'),
  }))
  const single = choice?.disable_parallel_tool_use === true
  const wanted = choice && choiceOf(choice)
  return offerTools({ tools: offered, choice: wanted, parallel: single ? false : undefined }, abilities)
}

function choiceOf(choice: Choice): ToolChoice {
  if (choice.type !== 'tool') return { mode: choice.type === 'any' ? 'required' : choice.type }
  const { name, [at]: fields } = choice
  const path = fields.pathOf('name')
  if (name === '') throw wrongType(path, 'the name of a tool', name)
  return { mode: 'one', tool: { name, path } }
}
