import { type ChatAbilities, TEMPLATE_VARIABLES } from '../../text/template/chat-abilities.ts'
import { type Fields, oneOf, unsupported } from '../fields.ts'

/** OpenAI: reasoning_effort. */
export const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const

export interface ThinkingRequest {
  /** Variables for the template. */
  readonly kwargs: Readonly<Record<string, unknown>>
  /** Most tokens of a thought. */
  readonly budget?: number | undefined
  /** Names of fields without effect on this model's template. */
  readonly ignored: readonly string[]
  /** Variables that say something else than the effort, and win. */
  readonly overruling: readonly string[]
}

/**
 * OpenAI: `reasoning_effort`; OpenRouter: `reasoning`; vLLM: `chat_template_kwargs`, which wins. Effort none switches
 * thinking off and any other on, where the template has a switch; templates that read `reasoning_effort` get its value.
 */
export function readThinking(fields: Fields, abilities: ChatAbilities): ThinkingRequest {
  const { budget, given } = readBudget(fields)
  const read = readTemplateInput(fields, abilities, budget === 0)
  const without = abilities.reasoning === undefined ? given : []
  return { ...read, budget, ignored: [...read.ignored, ...without] }
}

/** vLLM's, llama-server's two, and DashScope's name of it. The smallest is meant; -1 is no limit, 0 no thought. */
export const BUDGETS = [
  'thinking_token_budget',
  'reasoning_budget_tokens',
  'thinking_budget_tokens',
  'thinking_budget',
] as const

function readBudget(fields: Fields): { budget: number | undefined; given: readonly string[] } {
  const range = { min: -1, max: Number.MAX_SAFE_INTEGER }
  const reasoning = fields.object('reasoning')
  const places = BUDGETS.map((name) => ({ owner: fields, name: name as string }))
  if (reasoning !== undefined) places.push({ owner: reasoning, name: 'max_tokens' })
  const given = places.flatMap(({ owner, name }) => {
    const tokens = owner.integer(name, range)
    return tokens === undefined ? [] : [{ owner, name, tokens }]
  })
  const limits = given.flatMap(({ tokens }) => (tokens === -1 ? [] : [tokens]))
  const budget = limits.length === 0 ? undefined : Math.min(...limits)
  for (const { owner, name, tokens } of given) if (tokens !== (budget ?? -1)) owner.drop(name)
  return { budget, given: given.map(({ owner, name }) => owner.pathOf(name)) }
}

/** How hard to think, and the field that says so. */
interface Effort {
  readonly effort: (typeof EFFORTS)[number]
  readonly owner: Fields
  readonly name: 'reasoning_effort' | 'effort' | 'enabled'
}

function readEffort(fields: Fields): Effort | undefined {
  const value = fields.value('reasoning_effort')
  const own = readReasoning(fields.object('reasoning'))
  if (value === undefined) return own
  const effort = oneOf('reasoning_effort', value, EFFORTS)
  if (own !== undefined && !agree(effort, own)) own.owner.drop(own.name)
  return { effort, owner: fields, name: 'reasoning_effort' }
}

/** A switch says only whether there is a thought. */
function agree(effort: Effort['effort'], { effort: other, name }: Effort): boolean {
  return name === 'enabled' ? (effort === 'none') === (other === 'none') : effort === other
}

/** OpenRouter: `reasoning`. A thought is always told: what is not wanted can be left unread. */
function readReasoning(reasoning: Fields | undefined): Effort | undefined {
  if (reasoning === undefined) return undefined
  if (reasoning.boolean('exclude') === true) reasoning.ignore('exclude')
  const enabled = reasoning.boolean('enabled')
  const value = reasoning.value('effort')
  const effort = value === undefined ? undefined : oneOf(reasoning.pathOf('effort'), value, EFFORTS)
  const told: Effort | undefined = effort && { effort, owner: reasoning, name: 'effort' }
  if (enabled === undefined) return told
  const switched: Effort = { effort: enabled ? 'medium' : 'none', owner: reasoning, name: 'enabled' }
  if (told === undefined) return switched
  const [first, second] = enabled ? [told, switched] : [switched, told]
  if ((first.effort === 'none') !== (second.effort === 'none')) reasoning.drop(second.name)
  return first
}

function readTemplateInput(fields: Fields, { variables }: ChatAbilities, silent: boolean): ThinkingRequest {
  const own = readTemplateVariables(fields)
  const ignored = Object.keys(own)
    .filter((name) => !variables.includes(name))
    .map((name) => `chat_template_kwargs.${name}`)
  const read = readEffort(fields)
  if (read === undefined && !silent) return { kwargs: own, ignored, overruling: [] }
  const effort = read?.effort ?? 'none'
  const wanted = (name: string): unknown => (name === 'reasoning_effort' ? effort : effort !== 'none')
  const overruling = variables.filter((name) => name in own && own[name] !== wanted(name))
  if (overruling.length > 0) read?.owner.drop(read.name)
  const meant: Record<string, unknown> = {}
  for (const name of variables) {
    if (name !== 'reasoning_effort' || effort !== 'none') meant[name] = wanted(name)
  }
  const without = Object.keys(meant).length > 0 ? [] : [read?.owner.pathOf(read.name) ?? 'reasoning_effort']
  return { kwargs: { ...meant, ...own }, ignored: [...ignored, ...without], overruling }
}

function readTemplateVariables(fields: Fields): Record<string, unknown> {
  const kwargs = fields.object('chat_template_kwargs')
  const read: Record<string, unknown> = {}
  for (const [name, value] of kwargs?.entries() ?? []) {
    const known = TEMPLATE_VARIABLES.find((variable) => variable === name)
    if (known === undefined) {
      throw unsupported('chat_template_kwargs', `A client may set: ${TEMPLATE_VARIABLES.join(', ')}.`)
    }
    if (value === null) continue
    read[known] =
      known === 'reasoning_effort'
        ? oneOf('chat_template_kwargs.reasoning_effort', value, EFFORTS)
        : kwargs?.boolean(known)
  }
  return read
}
