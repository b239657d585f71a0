import { quoted } from '../../base/errors.ts'
import type { ChatTool } from '../../text/template/chat-message.ts'
import { emptyArray, type Fields, invalidValue, missing, oneOf, unsupported, wrongType } from '../fields.ts'

const MODES = ['none', 'auto', 'required'] as const

/** The tools that the model may call, and whether it has to: one of them, or at least one. */
export interface ToolChoice {
  readonly tools: readonly ChatTool[]
  readonly forced?: 'one' | 'some'
}

/** OpenAI: `tool_choice`. @throws ServingError */
export function readToolChoice(fields: Fields, tools: readonly ChatTool[]): ToolChoice {
  const choice = fields.value('tool_choice')
  if (choice === undefined) return { tools }
  if (typeof choice === 'string') {
    const mode = oneOf('tool_choice', choice, MODES)
    if (mode === 'none') return { tools: [] }
    return mode === 'required' ? forced(tools, tools) : { tools }
  }
  if (typeof choice !== 'object') throw wrongType('tool_choice', 'a string or an object', choice)
  const object = fields.object('tool_choice')
  if (object === undefined) return { tools }
  const type = oneOf('tool_choice.type', object.required('type'), ['function', 'allowed_tools', 'custom'])
  if (type === 'custom') throw unsupported('tool_choice', 'Only tools of type function are available.')
  if (type === 'allowed_tools') return allowedTools(object, tools)
  const name = namedTool(object, tools)
  return { tools: tools.filter((tool) => tool.function.name === name), forced: 'one' }
}

function forced(allowed: readonly ChatTool[], given: readonly ChatTool[]): ToolChoice {
  if (given.length === 0) throw invalidValue('tool_choice', "it is only allowed when 'tools' are given.")
  if (allowed.length === 0) throw emptyArray('tool_choice.allowed_tools.tools')
  return { tools: allowed, forced: 'some' }
}

/** OpenAI: {type: 'allowed_tools', allowed_tools: {mode, tools: [{type: 'function', function: {name}}]}}. */
function allowedTools(choice: Fields, tools: readonly ChatTool[]): ToolChoice {
  const allowed = choice.object('allowed_tools')
  if (allowed === undefined) throw missing('tool_choice.allowed_tools')
  const path = allowed.pathOf('mode')
  const mode = oneOf(path, allowed.required('mode'), ['auto', 'required'])
  const names = (allowed.objects('tools', 128) ?? []).map((item) => namedTool(item, tools))
  const left = tools.filter((tool) => names.includes(tool.function.name))
  return mode === 'required' ? forced(left, tools) : { tools: left }
}

/** @throws ServingError invalid_value when no such tool is given. */
function namedTool(fields: Fields, tools: readonly ChatTool[]): string {
  fields.skip('type')
  const fn = fields.object('function')
  if (fn === undefined) throw missing(fields.pathOf('function'))
  fn.required('name')
  const name = fn.string('name', 64) ?? ''
  if (tools.some((tool) => tool.function.name === name)) return name
  throw invalidValue(fn.pathOf('name'), `no tool ${quoted(name)} is given in 'tools'.`)
}
