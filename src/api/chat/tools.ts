import { quoted } from '../../base/errors.ts'
import type { OutputFormat } from '../../text/output/output-parser.ts'
import type { ChatAbilities } from '../../text/template/chat-abilities.ts'
import type { ChatTool } from '../../text/template/chat-message.ts'
import { toolFormatNamed } from '../../text/tool-formats/formats.ts'
import { invalidValue, tooLongText, unsupported } from '../contract/failures.ts'
import { ignored, refused, required } from '../contract/fates.ts'
import { at, type Read } from '../contract/field.ts'
import { anyObject, flag, string } from '../contract/kinds.ts'
import { list, object, tagged } from '../contract/objects.ts'
import { MAX_NAME, NAME } from './names.ts'
import { chosenTools, MAX_TOOLS, type ToolChoice, toolChoice } from './tool-choice.ts'

export interface ToolRequest {
  /** What is offered to the template. */
  readonly tools: readonly ChatTool[]
  /** How calls are read out of the answer; undefined when none are offered. */
  readonly output: OutputFormat['tools']
  /** What the answer has to be: one call, or at least one; absent: what the model likes. */
  readonly forced?: 'one' | 'some' | undefined
  /** Names of tools whose arguments are to be of their schema whenever the model calls. */
  readonly strict: ReadonlySet<string>
  /** Names of fields without effect. */
  readonly ignored: readonly string[]
}

/** A function, out of the words of any protocol. */
export interface OfferedTool {
  readonly name: string
  /** Where the name is in the body. */
  readonly path: string
  readonly description: string | undefined
  readonly parameters: object | undefined
  readonly strict: boolean | undefined
}

export interface OfferedTools {
  readonly tools: readonly OfferedTool[]
  readonly choice: ToolChoice | undefined
  readonly parallel: boolean | undefined
}

const fn = object({
  name: required(string(MAX_NAME)),
  description: string(),
  parameters: anyObject,
  strict: flag,
  input_schema: refused("It is 'parameters' here."),
  schema: refused("It is 'parameters' here."),
})

/** OpenAI: `tools`, `tool_choice` and `parallel_tool_calls`. */
export const toolFields = {
  tools: list(
    tagged('type', { function: { function: required(fn), cache_control: ignored() }, custom: {} }),
    MAX_TOOLS,
  ),
  parallel_tool_calls: flag,
  tool_choice: toolChoice,
}

/** @throws ServingError */
export function toolsOf(body: Read<typeof toolFields>, abilities: ChatAbilities): ToolRequest {
  const tools = (body.tools ?? []).map((tool) => {
    if (tool.type === 'custom')
      throw unsupported(tool[at].pathOf('type'), 'Only tools of type function are available.')
    const { name, description, parameters, strict } = tool.function
    return { name, description, parameters, strict, path: tool.function[at].pathOf('name') }
  })
  return offerTools({ tools, choice: body.tool_choice, parallel: body.parallel_tool_calls }, abilities)
}

/** With tool_choice none no tool is offered to the model. @throws ServingError */
export function offerTools(
  { tools: given, choice, parallel = true }: OfferedTools,
  abilities: ChatAbilities,
): ToolRequest {
  checkNames(given)
  const { tools, forced } = chosenTools(choice, given.map(templateTool))
  const strict = new Set(given.flatMap((one) => (one.strict ? [one.name] : [])))
  const ignored = strict.size > 0 ? ['tools.strict'] : []
  if (tools.length === 0) return { tools, output: undefined, strict, ignored }
  const notation = toolFormatNamed(abilities.toolFormat)?.notation
  if (forced !== undefined && notation === undefined)
    throw unsupported('tool_choice', "A call cannot be forced in the format of this model's template.")
  const offered = new Map(tools.map(({ function: { name, parameters } }) => [name, parameters]))
  const output = { format: abilities.toolFormat, offered, single: !parallel }
  return { tools, output, forced, strict, ignored: notation === undefined ? ignored : [] }
}

/** OpenAI: without parameters a function takes none. Templates read the schema. */
function templateTool({ name, description, parameters }: OfferedTool): ChatTool {
  return {
    type: 'function',
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      parameters: parameters ?? { type: 'object', properties: {} },
    },
  }
}

function checkNames(tools: readonly OfferedTool[]): void {
  const pattern = new RegExp(NAME)
  const seen = new Set<string>()
  for (const { name, path } of tools) {
    if (name.length > MAX_NAME) throw tooLongText(path, name, MAX_NAME)
    if (!pattern.test(name)) throw invalidValue(path, `${quoted(name)} does not match '${NAME}'.`)
  }
  for (const { name, path } of tools) {
    if (seen.has(name)) throw invalidValue(path, `${quoted(name)} is there twice.`)
    seen.add(name)
  }
}
