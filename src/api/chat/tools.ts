import { quoted } from '../../base/errors.ts'
import type { OutputFormat } from '../../text/output/output-parser.ts'
import type { ChatAbilities } from '../../text/template/chat-abilities.ts'
import type { ChatTool } from '../../text/template/chat-message.ts'
import { toolFormatNamed } from '../../text/tool-formats/formats.ts'
import { invalidValue, tooLongText, unsupported } from '../contract/failures.ts'
import { ignored, required } from '../contract/fates.ts'
import { at, type Read } from '../contract/field.ts'
import { anyObject, flag, string } from '../contract/kinds.ts'
import { list, object, tagged } from '../contract/objects.ts'
import { MAX_NAME, NAME } from './names.ts'
import { chosenTools, MAX_TOOLS, type ToolChoice, toolChoice } from './tool-choice.ts'

export interface ToolRequest {
  /** Tools that the chat template offers to the model. */
  readonly tools: readonly ChatTool[]
  /** Format that calls are parsed in; undefined when no tools are offered. */
  readonly output: OutputFormat['tools']
  /** Calls that the answer has to consist of: one, or at least one; absent: the model decides. */
  readonly forced?: 'one' | 'some' | undefined
  /** Names of tools whose arguments must match their schema in every call. */
  readonly strict: ReadonlySet<string>
  /** Names of fields without effect. */
  readonly ignored: readonly string[]
}

/** A function that a request in any protocol offers. */
export interface OfferedTool {
  readonly name: string
  /** Path of the name in the body. */
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

/** Reads the tools of a chat in OpenAI's protocol. @throws ServingError */
export function toolsOf(body: Read<typeof toolFields>, abilities: ChatAbilities): ToolRequest {
  const tools = (body.tools ?? []).map((tool) => {
    if (tool.type === 'custom')
      throw unsupported(tool[at].pathOf('type'), 'Only tools of type function are available.')
    const { name, description, parameters, strict } = tool.function
    return { name, description, parameters, strict, path: tool.function[at].pathOf('name') }
  })
  return offerTools({ tools, choice: body.tool_choice, parallel: body.parallel_tool_calls }, abilities)
}

/** Offers a request's tools to the model; with tool_choice none it offers none. @throws ServingError */
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
  const output = { format: abilities.toolFormat, offered, single: !parallel, forced: forced !== undefined }
  return { tools, output, forced, strict, ignored: notation === undefined ? ignored : [] }
}

/** A tool as chat templates read it. OpenAI: a function without `parameters` takes none, which its schema says. */
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
