import type { ChatAbilities } from '../../text/template/chat-abilities.ts'
import { TEMPLATE_VARIABLES } from '../../text/template/own-words.ts'
import { unsupported } from '../contract/failures.ts'
import { at, type Read } from '../contract/field.ts'
import type { Fields } from '../contract/fields.ts'
import { flag, integer, oneOf } from '../contract/kinds.ts'
import { closed, object } from '../contract/objects.ts'

/** OpenAI: values of `reasoning_effort`. */
export const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const
type EffortName = (typeof EFFORTS)[number]

export interface ThinkingRequest {
  /** Variables that are set in the chat template. */
  readonly kwargs: Readonly<Record<string, unknown>>
  /** Most tokens of a thought. */
  readonly budget?: number | undefined
  /** Names of fields without effect on this model's template. */
  readonly ignored: readonly string[]
}

/** Effort that the model is to think with, and the field that it came from. */
export interface Effort {
  readonly effort: EffortName
  readonly path: string
  /** Present where the field only switches thinking on or off. */
  readonly isSwitch?: true
  /** Reports the field as without effect. @param overruling template variables of the client that contradict it, if any. */
  drop(overruling?: readonly string[]): void
}

/** Most tokens of a thought; -1 is no limit, 0 no thought. */
interface Budget {
  readonly tokens: number
  readonly path: string
  drop(): void
}

/** Everything that a request says about thinking. */
export interface ThinkingWish {
  readonly effort: Effort | undefined
  /** Name of the field for an effort, in the protocol of the request. */
  readonly effortField: string
  readonly budgets: readonly Budget[]
  /** vLLM: template variables that the client sets; they win over its other fields. */
  readonly kwargs: TemplateKwargs
}

const budget = integer({ min: -1 })

/** Budget of a thought, under vLLM's name, llama-server's two, and DashScope's. The smallest counts. */
export const budgetFields = {
  thinking_token_budget: budget,
  reasoning_budget_tokens: budget,
  thinking_budget_tokens: budget,
  thinking_budget: budget,
}

/** vLLM: variables of the chat template that a client may set. */
export const templateKwargs = closed(
  object({ enable_thinking: flag, thinking: flag, reasoning_effort: oneOf(EFFORTS) }),
  (path) => unsupported(path, `A client may set: ${TEMPLATE_VARIABLES.join(', ')}.`),
)
type TemplateKwargs = ReturnType<(typeof templateKwargs)['read']>

export const thinkingFields = {
  ...budgetFields,
  // OpenRouter.
  reasoning: object({ max_tokens: budget, exclude: flag, enabled: flag, effort: oneOf(EFFORTS) }),
  chat_template_kwargs: templateKwargs,
  reasoning_effort: oneOf(EFFORTS),
}
type ThinkingBody = Read<typeof thinkingFields>

/** Reads what a chat says about thinking. OpenAI: `reasoning_effort`; OpenRouter: `reasoning`; vLLM: `chat_template_kwargs`, which wins. */
export function thinkingWish(body: ThinkingBody): ThinkingWish {
  const { reasoning, chat_template_kwargs: kwargs } = body
  const budgets = budgetsOf(body)
  if (reasoning?.max_tokens !== undefined)
    budgets.push(budgetOf(reasoning[at], 'max_tokens', reasoning.max_tokens))
  return { effort: effortOf(body), effortField: 'reasoning_effort', budgets, kwargs }
}

export function budgetsOf(body: Read<typeof budgetFields>): Budget[] {
  return Object.keys(budgetFields).flatMap((name) => {
    const tokens = body[name as keyof typeof budgetFields]
    return tokens === undefined ? [] : [budgetOf(body[at], name, tokens)]
  })
}

function budgetOf(owner: Fields, name: string, tokens: number): Budget {
  return { tokens, path: owner.pathOf(name), drop: () => owner.drop(name) }
}

/**
 * Turns a wish for thinking into variables of this model's chat template. Effort none switches thinking off and any other on,
 * where the template has a switch; templates that read `reasoning_effort` get its value.
 */
export function thinkingOf(wish: ThinkingWish, abilities: ChatAbilities): ThinkingRequest {
  const budget = smallest(wish.budgets)
  const read = templateInput(wish, abilities, budget === 0)
  const without = abilities.reasoning === undefined ? wish.budgets.map(({ path }) => path) : []
  return { ...read, budget, ignored: [...read.ignored, ...without] }
}

function smallest(budgets: readonly Budget[]): number | undefined {
  const limits = budgets.flatMap(({ tokens }) => (tokens === -1 ? [] : [tokens]))
  const least = limits.length === 0 ? undefined : Math.min(...limits)
  for (const each of budgets) if (each.tokens !== (least ?? -1)) each.drop()
  return least
}

function effortOf({ reasoning_effort: effort, reasoning, [at]: fields }: ThinkingBody): Effort | undefined {
  const own = openRouterEffort(reasoning)
  if (effort === undefined) return own
  if (own !== undefined && !agree(effort, own)) own.drop()
  return { effort, path: 'reasoning_effort', drop: () => fields.drop('reasoning_effort') }
}

function agree(effort: EffortName, { effort: other, isSwitch }: Effort): boolean {
  return isSwitch ? (effort === 'none') === (other === 'none') : effort === other
}

/** OpenRouter: effort in `reasoning`. The answer always has the thought: a client that excludes it can leave it unread. */
function openRouterEffort(reasoning: ThinkingBody['reasoning']): Effort | undefined {
  if (reasoning === undefined) return undefined
  const { [at]: fields, exclude, enabled, effort } = reasoning
  if (exclude === true) fields.ignore('exclude')
  const said = (name: 'effort' | 'enabled', value: EffortName): Effort => ({
    effort: value,
    path: fields.pathOf(name),
    drop: () => fields.drop(name),
    ...(name === 'enabled' && { isSwitch: true }),
  })
  const own = effort && said('effort', effort)
  if (enabled === undefined) return own
  const switched = said('enabled', enabled ? 'medium' : 'none')
  if (own === undefined) return switched
  const [first, second] = enabled ? [own, switched] : [switched, own]
  if ((first.effort === 'none') !== (second.effort === 'none')) second.drop()
  return first
}

function templateInput(
  { kwargs, effort: said, effortField }: ThinkingWish,
  { variables }: ChatAbilities,
  silent: boolean,
): ThinkingRequest {
  const own = Object.fromEntries(
    TEMPLATE_VARIABLES.flatMap((name) => (kwargs?.[name] === undefined ? [] : [[name, kwargs[name]]])),
  )
  const ignored = Object.keys(own)
    .filter((name) => !variables.some((variable) => variable === name))
    .map((name) => `chat_template_kwargs.${name}`)
  if (said === undefined && !silent) return { kwargs: own, ignored }
  const effort = said?.effort ?? 'none'
  const wanted = (name: string): unknown => (name === 'reasoning_effort' ? effort : effort !== 'none')
  const overruling = variables.filter((name) => name in own && own[name] !== wanted(name))
  if (overruling.length > 0) said?.drop(overruling)
  const meant: Record<string, unknown> = {}
  for (const name of variables) {
    if (name !== 'reasoning_effort' || effort !== 'none') meant[name] = wanted(name)
  }
  const without = Object.keys(meant).length > 0 ? [] : [said?.path ?? effortField]
  return { kwargs: { ...meant, ...own }, ignored: [...ignored, ...without] }
}
