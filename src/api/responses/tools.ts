import type { ChatAbilities } from '../../text/template/chat-abilities.ts'
import { type FlatTool, readFlatTools } from '../chat/flat-tools.ts'
import type { ToolRequest } from '../chat/tools.ts'
import { type Fields, missing, oneOf, unsupported } from '../fields.ts'

const MAX_TOOLS = 128

/** What a call of a tool is for the client, where that is not a plain function. */
export interface ToolOrigin {
  readonly name: string
  readonly namespace: string | undefined
  readonly custom: boolean
}

export interface ResponseTools {
  readonly request: ToolRequest
  /** By the name that the model knows. */
  readonly origins: ReadonlyMap<string, ToolOrigin>
  /** The tools that are offered, as they came. */
  readonly echo: readonly unknown[]
  readonly parallel: boolean
}

/** A tool of a namespace, as the model knows it. */
export function joinedName(namespace: string | undefined, name: string): string {
  if (namespace === undefined) return name
  return namespace.endsWith('__') ? namespace + name : `${namespace}__${name}`
}

/**
 * OpenAI: `tools`, `tool_choice`, `parallel_tool_calls`. A custom tool is offered as a function of one text. Tools that
 * run at OpenAI are left out, and named: Codex sends them with every request.
 */
export function readResponseTools(fields: Fields, abilities: ChatAbilities): ResponseTools {
  const reader = new ToolReader()
  const given = fields.array('tools', MAX_TOOLS)
  for (const [index, item] of (fields.objects('tools', MAX_TOOLS) ?? []).entries()) {
    if (reader.read(item)) reader.echo.push(given?.[index])
  }
  const parallel = fields.boolean('parallel_tool_calls')
  const { tools, origins, echo, skipped } = reader
  const read = readFlatTools({ tools, choice: readChoice(fields), parallel }, abilities, 'parameters')
  const request = { ...read, ignored: [...read.ignored, ...skipped] }
  return { request, origins, echo, parallel: parallel ?? true }
}

class ToolReader {
  readonly tools: FlatTool[] = []
  readonly origins = new Map<string, ToolOrigin>()
  readonly echo: unknown[] = []
  readonly skipped = new Set<string>()

  /** False: the tool is left out. */
  read(tool: Fields, namespace?: string): boolean {
    const type = tool.string('type')
    if (type === undefined) throw missing(tool.pathOf('type'))
    if (type === 'function') this.#function(tool, namespace)
    else if (type === 'custom') this.#custom(tool, namespace)
    else if (type === 'namespace' && namespace === undefined) this.#namespace(tool)
    else {
      // None of it counts.
      tool.entries()
      this.skipped.add(`tools.${type}`)
      return false
    }
    return true
  }

  #namespace(tool: Fields): void {
    const name = requiredName(tool)
    tool.skip('description')
    for (const inner of tool.objects('tools', MAX_TOOLS) ?? []) this.read(inner, name)
  }

  #function(tool: Fields, namespace: string | undefined): void {
    this.#add(tool, namespace, false, {
      description: tool.string('description'),
      parameters: tool.anyObject('parameters'),
      strict: tool.boolean('strict'),
    })
  }

  #custom(tool: Fields, namespace: string | undefined): void {
    const format = tool.object('format')
    if (format?.string('type') === 'grammar') this.skipped.add('tools.custom.format')
    format?.skip('syntax', 'definition')
    this.#add(tool, namespace, true, {
      description: tool.string('description'),
      parameters: { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] },
      strict: undefined,
    })
  }

  #add(tool: Fields, namespace: string | undefined, custom: boolean, rest: Omit<FlatTool, 'name'>): void {
    const name = requiredName(tool)
    const known = joinedName(namespace, name)
    this.tools.push({ name: known, ...rest })
    this.origins.set(known, { name, namespace, custom })
  }
}

function requiredName(tool: Fields): string {
  const name = tool.string('name', 64)
  if (name === undefined) throw missing(tool.pathOf('name'))
  return name
}

/** In the words of chat completions, which have an object around a function's name. */
function readChoice(fields: Fields): unknown {
  const value = fields.value('tool_choice')
  const choice = typeof value === 'object' ? fields.object('tool_choice') : undefined
  if (choice === undefined) return value
  const type = choice.required('type')
  if (type === 'allowed_tools') {
    const named = (choice.objects('tools', MAX_TOOLS) ?? []).map(chosen)
    return { type, allowed_tools: { mode: choice.value('mode'), tools: named } }
  }
  if (type !== 'function' && type !== 'custom') {
    throw unsupported('tool_choice.type', 'It is function, custom or allowed_tools.')
  }
  return chosen(choice)
}

function chosen(tool: Fields): object {
  oneOf(tool.pathOf('type'), tool.required('type'), ['function', 'custom'])
  return {
    type: 'function',
    function: { name: joinedName(tool.string('namespace', 64), requiredName(tool)) },
  }
}
