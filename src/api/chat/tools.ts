import { quoted } from '../../base/errors.ts'
import type { OutputFormat } from '../../text/output/output-parser.ts'
import type { ChatAbilities } from '../../text/template/chat-abilities.ts'
import type { ChatTool } from '../../text/template/chat-message.ts'
import { toolFormatNamed } from '../../text/tool-formats/formats.ts'
import { type Fields, invalidValue, missing, oneOf, unsupported } from '../fields.ts'
import { readToolChoice } from './tool-choice.ts'

/** OpenAI: at most 128 functions. */
const MAX_TOOLS = 128
const MAX_NAME = 64
/** OpenAI: a function's name. */
const NAME = /^[a-zA-Z0-9_-]+$/

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

/**
 * OpenAI: `tools`, `tool_choice` and `parallel_tool_calls`. With tool_choice none no tool is offered to the model.
 * @throws ServingError
 */
export function readTools(fields: Fields, abilities: ChatAbilities): ToolRequest {
  const read = (fields.objects('tools', MAX_TOOLS) ?? []).map(readTool)
  checkNames(read.map(({ tool }) => tool.function.name))
  const parallel = fields.boolean('parallel_tool_calls') ?? true
  const { tools, forced } = readToolChoice(
    fields,
    read.map(({ tool }) => tool),
  )
  const strict = new Set(read.flatMap((one) => (one.strict ? [one.tool.function.name] : [])))
  const ignored = strict.size > 0 ? ['tools.strict'] : []
  if (tools.length === 0) return { tools, output: undefined, strict, ignored }
  const notation = toolFormatNamed(abilities.toolFormat)?.notation
  if (forced !== undefined && notation === undefined)
    throw unsupported('tool_choice', "A call cannot be forced in the format of this model's template.")
  const offered = new Map(tools.map(({ function: { name, parameters } }) => [name, parameters]))
  const output = { format: abilities.toolFormat, offered, single: !parallel }
  return { tools, output, forced, strict, ignored: notation === undefined ? ignored : [] }
}

function readTool(fields: Fields): { tool: ChatTool; strict: boolean } {
  const type = oneOf(fields.pathOf('type'), fields.required('type'), ['function', 'custom'])
  if (type === 'custom')
    throw unsupported(fields.pathOf('type'), 'Only tools of type function are available.')
  const fn = fields.object('function')
  if (fn === undefined) throw missing(fields.pathOf('function'))
  fields.ignore('cache_control')
  fn.required('name')
  const name = fn.string('name', MAX_NAME) ?? ''
  if (!NAME.test(name)) {
    throw invalidValue(fn.pathOf('name'), `${quoted(name)} does not match '^[a-zA-Z0-9_-]{1,64}$'.`)
  }
  const description = fn.string('description')
  const parameters = fn.anyObject('parameters') ?? noParameters()
  const strict = fn.boolean('strict') ?? false
  return {
    strict,
    tool: {
      type: 'function',
      function: { name, ...(description === undefined ? {} : { description }), parameters },
    },
  }
}

/** OpenAI: without parameters a function takes none. Templates read the schema. */
function noParameters(): object {
  return { type: 'object', properties: {} }
}

function checkNames(names: readonly string[]): void {
  const seen = new Set<string>()
  names.forEach((name, index) => {
    if (seen.has(name)) throw invalidValue(`tools[${index}].function.name`, `${quoted(name)} is there twice.`)
    seen.add(name)
  })
}
