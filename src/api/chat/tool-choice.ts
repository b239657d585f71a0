import { quoted } from '../../base/errors.ts'
import type { ChatTool } from '../../text/template/chat-message.ts'
import { checkOneOf } from '../contract/checks.ts'
import { emptyArray, invalidValue, unsupported, wrongType } from '../contract/failures.ts'
import { required, silent } from '../contract/fates.ts'
import { at, type Field, optional } from '../contract/field.ts'
import type { Fields } from '../contract/fields.ts'
import { mapped, oneOf, string } from '../contract/kinds.ts'
import { item, list, object, one, tagged } from '../contract/objects.ts'
import { MAX_NAME } from './names.ts'

/** Most tools of a request. OpenAI has 128; agents with several MCP servers send more. */
export const MAX_TOOLS = 512

const MODES = ['none', 'auto', 'required'] as const

/** A tool that the request names, and the path of its name in the body. */
interface NamedTool {
  readonly name: string
  readonly path: string
}

/** Tools that the model may call, and whether it has to: the choice of a request in any protocol. */
export type ToolChoice =
  | { readonly mode: (typeof MODES)[number] }
  | { readonly mode: 'one'; readonly tool: NamedTool }
  | {
      readonly mode: 'some of'
      readonly tools: readonly NamedTool[]
      readonly forced: boolean
      readonly path: string
    }

const named = { function: required(object({ name: required(string(MAX_NAME)) })) }

const choice = one(
  tagged('type', {
    function: named,
    allowed_tools: {
      allowed_tools: required(
        object({
          mode: required(oneOf(['auto', 'required'])),
          tools: list(item({ type: silent, ...named }), MAX_TOOLS),
        }),
      ),
    },
    custom: {},
  }),
)

/** Field of a tool choice: a mode, or an object that names tools. */
export function modeOr<T>(
  choice: Field<T | undefined>,
  choiceOf: (asked: T, path: string) => ToolChoice,
): Field<ToolChoice | undefined> {
  const named = mapped(choice, choiceOf)
  return optional({ anyOf: [{ type: 'string', enum: MODES }, choice.schema] }, (owner, name) => {
    const value = owner.value(name)
    const path = owner.pathOf(name)
    if (typeof value === 'string') return { mode: checkOneOf(path, value, MODES) }
    if (value !== undefined && typeof value !== 'object')
      throw wrongType(path, 'a string or an object', value)
    return named.read(owner, name)
  })
}

/** OpenAI: `tool_choice`. */
export const toolChoice = modeOr(choice, (asked, path): ToolChoice => {
  if (asked.type === 'custom') throw unsupported(path, 'Only tools of type function are available.')
  if (asked.type === 'function') return { mode: 'one', tool: namedTool(asked.function) }
  const { mode, tools = [], [at]: allowed } = asked.allowed_tools
  const chosen = tools.map((tool) => namedTool(tool.function))
  return { mode: 'some of', tools: chosen, forced: mode === 'required', path: allowed.pathOf('tools') }
})

function namedTool({ name, [at]: fields }: { readonly name: string; readonly [at]: Fields }): NamedTool {
  return { name, path: fields.pathOf('name') }
}

/** The tools that the model may call, and whether it has to: one of them, or at least one. */
export interface ChosenTools {
  readonly tools: readonly ChatTool[]
  readonly forced?: 'one' | 'some'
}

/** Applies a tool choice to a request's tools. @throws ServingError invalid_value when it names a tool that is not given. */
export function chosenTools(choice: ToolChoice | undefined, tools: readonly ChatTool[]): ChosenTools {
  switch (choice?.mode) {
    case undefined:
    case 'auto':
      return { tools }
    case 'none':
      return { tools: [] }
    case 'required':
      return forced(tools, tools, '')
    case 'one':
      checkGiven(choice.tool, tools)
      return { tools: tools.filter((tool) => tool.function.name === choice.tool.name), forced: 'one' }
    case 'some of': {
      for (const tool of choice.tools) checkGiven(tool, tools)
      const left = tools.filter((tool) => choice.tools.some(({ name }) => name === tool.function.name))
      return choice.forced ? forced(left, tools, choice.path) : { tools: left }
    }
  }
}

function forced(allowed: readonly ChatTool[], given: readonly ChatTool[], path: string): ChosenTools {
  if (given.length === 0) throw invalidValue('tool_choice', "it is only allowed when 'tools' are given.")
  if (allowed.length === 0) throw emptyArray(path)
  return { tools: allowed, forced: 'some' }
}

function checkGiven({ name, path }: NamedTool, tools: readonly ChatTool[]): void {
  if (tools.some((tool) => tool.function.name === name)) return
  throw invalidValue(path, `no tool ${quoted(name)} is given in 'tools'.`)
}
