import type { ChatAbilities } from '../../text/template/chat-abilities.ts'
import { MAX_NAME } from '../chat/names.ts'
import { MAX_TOOLS, modeOr, type ToolChoice } from '../chat/tool-choice.ts'
import { type OfferedTool, offerTools, type ToolRequest } from '../chat/tools.ts'
import { unsupported } from '../contract/failures.ts'
import { required, silent } from '../contract/fates.ts'
import { at, type Declared, type Field, optional, type Read } from '../contract/field.ts'
import { anyObject, flag, oneOf, string } from '../contract/kinds.ts'
import { type Item, list, object, one, type Tagged, tagged, taggedOr } from '../contract/objects.ts'

/** Tool as the client knows it: its name, its namespace, and whether it is custom. */
export interface ToolOrigin {
  readonly name: string
  readonly namespace: string | undefined
  readonly custom: boolean
}

export interface ResponseTools {
  readonly request: ToolRequest
  /** Origin of each tool, by the name that the model knows. */
  readonly origins: ReadonlyMap<string, ToolOrigin>
  /** Tools that are offered, as in the body. */
  readonly echo: readonly unknown[]
  readonly parallel: boolean
}

/** Name of a tool in a namespace, as the model knows it. */
export function joinedName(namespace: string | undefined, name: string): string {
  if (namespace === undefined) return name
  return namespace.endsWith('__') ? namespace + name : `${namespace}__${name}`
}

const name = required(string(MAX_NAME))

const plainTools = {
  function: { name, description: string(), parameters: anyObject, strict: flag },
  // Offered as a function of one text.
  custom: {
    name,
    description: string(),
    format: object({ type: string(), syntax: silent, definition: silent }),
  },
}
const plainTool = orLeftOut(plainTools)
const responseTool = orLeftOut({
  ...plainTools,
  namespace: { name, description: silent, tools: list(plainTool, MAX_TOOLS) },
})

type PlainTool = ReturnType<(typeof plainTool)['read']>
type ResponseTool = ReturnType<(typeof responseTool)['read']>
type NamedTool = Exclude<PlainTool, LeftOut>

/** A tool that runs at OpenAI. Codex sends them with every request. */
interface LeftOut {
  readonly type: 'left out'
  /** Type of the tool. */
  readonly kind: string
}

/** Reader of a tool that also accepts types that cannot be offered: such a tool is left out, and named as ignored. */
function orLeftOut<Known extends Readonly<Record<string, Declared>>>(
  kinds: Known,
): Item<Tagged<'type', Known> | LeftOut> {
  return taggedOr('type', kinds, (_fields, kind): LeftOut => ({ type: 'left out', kind }))
}

interface GivenTool {
  readonly tool: ResponseTool
  /** The tool as in the body. */
  readonly given: unknown
}

const tools = list(responseTool, MAX_TOOLS)
const givenTools: Field<readonly GivenTool[] | undefined> = optional(tools.schema, (owner, field) => {
  const given = owner.array(field, MAX_TOOLS)
  return tools.read(owner, field)?.map((tool, index) => ({ tool, given: given?.[index] }))
})

const chosen = { namespace: string(MAX_NAME), name }
const choice = one(
  tagged(
    'type',
    {
      function: chosen,
      custom: chosen,
      allowed_tools: {
        mode: required(oneOf(['auto', 'required'])),
        tools: list(tagged('type', { function: chosen, custom: chosen }), MAX_TOOLS),
      },
    },
    {
      anyTag: true,
      unknown: (fields) => unsupported(fields.pathOf('type'), 'It is function, custom or allowed_tools.'),
    },
  ),
)

const toolChoice = modeOr(choice, (asked): ToolChoice => {
  if (asked.type !== 'allowed_tools') return { mode: 'one', tool: chosenTool(asked) }
  const { mode, tools = [], [at]: fields } = asked
  const chosen = tools.map(chosenTool)
  return { mode: 'some of', tools: chosen, forced: mode === 'required', path: fields.pathOf('tools') }
})

function chosenTool({ namespace, name, [at]: fields }: Read<typeof chosen>): { name: string; path: string } {
  return { name: joinedName(namespace, name), path: fields.pathOf('name') }
}

/** OpenAI: `tools`, `tool_choice`, `parallel_tool_calls`. */
export const toolFields = { tools: givenTools, parallel_tool_calls: flag, tool_choice: toolChoice }

export function responseTools(
  { tools: given = [], parallel_tool_calls: parallel, tool_choice: choice }: Read<typeof toolFields>,
  abilities: ChatAbilities,
): ResponseTools {
  const offer = new Offer()
  const echo = given.flatMap((one) => (offer.add(one.tool) ? [one.given] : []))
  const { tools, origins, skipped } = offer
  const read = offerTools({ tools, choice, parallel }, abilities)
  const request = { ...read, ignored: [...read.ignored, ...skipped] }
  return { request, origins, echo, parallel: parallel ?? true }
}

class Offer {
  readonly tools: OfferedTool[] = []
  readonly origins = new Map<string, ToolOrigin>()
  /** Names of tools and formats that are left out. */
  readonly skipped = new Set<string>()

  /** Adds a tool. Returns false where it is left out. */
  add(tool: ResponseTool): boolean {
    if (tool.type !== 'namespace') return this.#addPlain(tool, undefined)
    for (const inner of tool.tools ?? []) this.#addPlain(inner, tool.name)
    return true
  }

  #addPlain(tool: PlainTool, namespace: string | undefined): boolean {
    if (tool.type === 'left out') {
      this.skipped.add(`tools.${tool.kind}`)
      return false
    }
    if (tool.type === 'custom' && tool.format?.type === 'grammar') this.skipped.add('tools.custom.format')
    const known = joinedName(namespace, tool.name)
    this.tools.push({ name: known, path: tool[at].pathOf('name'), ...describedTool(tool) })
    this.origins.set(known, { name: tool.name, namespace, custom: tool.type === 'custom' })
    return true
  }
}

function describedTool(tool: NamedTool): Omit<OfferedTool, 'name' | 'path'> {
  const { description } = tool
  if (tool.type === 'function') return { description, parameters: tool.parameters, strict: tool.strict }
  const parameters = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] }
  return { description, parameters, strict: undefined }
}
