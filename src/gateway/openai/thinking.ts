import { type ChatAbilities, TEMPLATE_VARIABLES } from '../../text/chat-abilities.ts'
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
  const all = BUDGETS.map((name) => ({ name: name as string, tokens: fields.integer(name, range) }))
  const reasoning = fields.object('reasoning')
  if (reasoning !== undefined)
    all.push({ name: reasoning.pathOf('max_tokens'), tokens: reasoning.integer('max_tokens', range) })
  const given = all.flatMap(({ name, tokens }) => (tokens === undefined ? [] : [{ name, tokens }]))
  const limits = given.flatMap(({ tokens }) => (tokens === -1 ? [] : [tokens]))
  return {
    budget: limits.length === 0 ? undefined : Math.min(...limits),
    given: given.map(({ name }) => name),
  }
}

/** How hard to think, and the field that says so. */
interface Effort {
  readonly effort: (typeof EFFORTS)[number]
  readonly field: string
}

function readEffort(fields: Fields): Effort | undefined {
  const value = fields.value('reasoning_effort')
  const own = readReasoning(fields.object('reasoning'))
  if (value === undefined) return own
  return { effort: oneOf('reasoning_effort', value, EFFORTS), field: 'reasoning_effort' }
}

/** OpenRouter: `reasoning`. A thought is always told: what is not wanted can be left unread. */
function readReasoning(reasoning: Fields | undefined): Effort | undefined {
  if (reasoning === undefined) return undefined
  if (reasoning.boolean('exclude') === true) reasoning.ignore('exclude')
  const enabled = reasoning.boolean('enabled')
  const value = reasoning.value('effort')
  const field = reasoning.pathOf('effort')
  const effort = value === undefined ? undefined : oneOf(field, value, EFFORTS)
  if (enabled === undefined || (enabled && effort !== undefined)) return effort && { effort, field }
  return { effort: enabled ? 'medium' : 'none', field: reasoning.pathOf('enabled') }
}

function readTemplateInput(fields: Fields, { variables }: ChatAbilities, silent: boolean): ThinkingRequest {
  const own = readTemplateVariables(fields)
  const ignored = Object.keys(own)
    .filter((name) => !variables.includes(name))
    .map((name) => `chat_template_kwargs.${name}`)
  const read = readEffort(fields)
  if (read === undefined && !silent) return { kwargs: own, ignored }
  const { effort, field } = read ?? { effort: 'none', field: 'reasoning_effort' }
  const meant: Record<string, unknown> = {}
  for (const name of variables) {
    if (name !== 'reasoning_effort') meant[name] = effort !== 'none'
    else if (effort !== 'none') meant[name] = effort
  }
  const without = Object.keys(meant).length === 0 ? [field] : []
  return { kwargs: { ...meant, ...own }, ignored: [...ignored, ...without] }
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
