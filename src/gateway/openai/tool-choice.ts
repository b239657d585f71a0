import { quoted, type ServingError } from '../../errors.ts'
import type { ChatTool } from '../../text/chat-message.ts'
import { Fields, invalidValue, missing, oneOf, unsupported, wrongType } from '../fields.ts'

const MODES = ['none', 'auto', 'required'] as const

/**
 * OpenAI: `tool_choice`. Returns the tools that the model may call.
 * @throws ServingError unsupported_parameter for what would force a call: required, and a function by name.
 */
export function readToolChoice(fields: Fields, tools: readonly ChatTool[]): readonly ChatTool[] {
  const choice = fields.value('tool_choice')
  if (choice === undefined) return tools
  if (typeof choice === 'string') {
    const mode = oneOf('tool_choice', choice, MODES)
    if (mode === 'none') return []
    if (mode === 'required') throw forced(tools)
    return tools
  }
  if (typeof choice !== 'object') throw wrongType('tool_choice', 'a string or an object', choice)
  const object = new Fields(choice, 'tool_choice')
  const type = oneOf('tool_choice.type', object.required('type'), ['function', 'allowed_tools', 'custom'])
  if (type === 'custom') throw unsupported('tool_choice', 'Only tools of type function are available.')
  if (type === 'allowed_tools') return allowedTools(object, tools)
  namedTool(object, tools)
  throw forced(tools)
}

/** The one place that says a call cannot be forced: it needs output that is constrained by a grammar. */
function forced(tools: readonly ChatTool[]): ServingError {
  if (tools.length === 0) return invalidValue('tool_choice', "it is only allowed when 'tools' are given.")
  return unsupported('tool_choice', "A call cannot be forced yet; 'none' and 'auto' are available.")
}

/** OpenAI: {type: 'allowed_tools', allowed_tools: {mode, tools: [{type: 'function', function: {name}}]}}. */
function allowedTools(choice: Fields, tools: readonly ChatTool[]): readonly ChatTool[] {
  const allowed = choice.object('allowed_tools')
  if (allowed === undefined) throw missing('tool_choice.allowed_tools')
  const path = allowed.pathOf('mode')
  const mode = oneOf(path, allowed.required('mode'), ['auto', 'required'])
  const items = allowed.array('tools', 128) ?? []
  const names = items.map((item, index) =>
    namedTool(new Fields(item, `${allowed.pathOf('tools')}[${index}]`), tools),
  )
  if (mode === 'required') throw forced(tools)
  return tools.filter((tool) => names.includes(tool.function.name))
}

/** @throws ServingError invalid_value when no such tool is given. */
function namedTool(fields: Fields, tools: readonly ChatTool[]): string {
  const fn = fields.object('function')
  if (fn === undefined) throw missing(fields.pathOf('function'))
  fn.required('name')
  const name = fn.string('name', 64) ?? ''
  if (tools.some((tool) => tool.function.name === name)) return name
  throw invalidValue(fn.pathOf('name'), `no tool ${quoted(name)} is given in 'tools'.`)
}
