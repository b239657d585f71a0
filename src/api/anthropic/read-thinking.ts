import type { ChatAbilities } from '../../text/template/chat-abilities.ts'
import { JSON_SCHEMA } from '../chat/structured-output.ts'
import { type ThinkingRequest, templateKwargs, thinkingOf } from '../chat/thinking.ts'
import { ignored, required } from '../contract/fates.ts'
import { at, type Read } from '../contract/field.ts'
import { anything, integer, oneOf } from '../contract/kinds.ts'
import { object } from '../contract/objects.ts'

const TYPES = ['enabled', 'adaptive', 'between_tools', 'disabled'] as const
const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const

export const thinkingFields = {
  thinking: object({
    type: required(oneOf(TYPES)),
    budget_tokens: integer({ min: 1 }),
    display: ignored(),
  }),
  output_config: object({
    effort: oneOf(EFFORTS),
    format: object({
      type: required(oneOf(['json_schema'])),
      schema: required(anything(JSON_SCHEMA)),
    }),
  }),
  chat_template_kwargs: templateKwargs,
}

/**
 * Anthropic: `thinking` and `output_config.effort`. A model whose thinking can be switched off thinks only when a request asks
 * for it. Its thought ends with its budget; the effort has an effect where its template reads one.
 */
export function anthropicThinking(
  {
    thinking,
    output_config: output,
    chat_template_kwargs: kwargs,
    [at]: fields,
  }: Read<typeof thinkingFields>,
  abilities: ChatAbilities,
): ThinkingRequest {
  const type = thinking?.type ?? 'disabled'
  const effort = output?.effort
  const takesEffort = type !== 'disabled' && abilities.variables.includes('reasoning_effort')
  if (effort !== undefined && !takesEffort) output?.[at].ignore('effort')
  const drop = (overruling: readonly string[] = []): void => {
    for (const name of overruling) {
      if (name !== 'reasoning_effort') fields.drop('thinking')
      else if (effort !== undefined && takesEffort) output?.[at].drop('effort')
    }
  }
  const wanted = type === 'disabled' ? 'none' : (effort ?? 'medium')
  const read = thinkingOf(
    { effort: { effort: wanted, path: 'thinking', drop }, effortField: 'thinking', budgets: [], kwargs },
    abilities,
  )
  const silent = type === 'disabled' || abilities.reasoning !== undefined
  const ignored = read.ignored.filter((name) => name !== 'thinking' || !silent)
  return { ...read, budget: thinking?.budget_tokens, ignored }
}
