import type { ChatAbilities } from '../../text/template/chat-abilities.ts'
import { readThinking, type ThinkingRequest } from '../chat/thinking.ts'
import { readQuietly } from '../field-reads.ts'
import { Fields, oneOf } from '../fields.ts'
import type { Notice } from './content.ts'

const TYPES = ['enabled', 'adaptive', 'between_tools', 'disabled'] as const
const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const

/**
 * Anthropic: `thinking` and `output_config.effort`. A model that can be told thinks only when it is asked to.
 * Its thought ends with its budget; how hard it thinks can be told where its template reads an effort.
 */
export function readAnthropicThinking(
  fields: Fields,
  abilities: ChatAbilities,
  notice: Notice,
): ThinkingRequest {
  const thinking = fields.object('thinking')
  const type = thinking === undefined ? 'disabled' : oneOf('thinking.type', thinking.required('type'), TYPES)
  const budget = thinking?.integer('budget_tokens', { min: 1, max: Number.MAX_SAFE_INTEGER })
  if (thinking?.value('display') !== undefined) notice('thinking.display')
  const output = fields.object('output_config')
  const given = output?.value('effort')
  const effort = given === undefined ? undefined : oneOf('output_config.effort', given, EFFORTS)
  const takesEffort = type !== 'disabled' && abilities.variables.includes('reasoning_effort')
  if (effort !== undefined && !takesEffort) notice('output_config.effort')
  const wanted = type === 'disabled' ? 'none' : (effort ?? 'medium')
  const own = fields.value('chat_template_kwargs')
  const read = readQuietly(() =>
    readThinking(new Fields({ reasoning_effort: wanted, chat_template_kwargs: own }), abilities),
  )
  for (const name of read.overruling) {
    if (name !== 'reasoning_effort') fields.drop('thinking')
    else if (effort !== undefined && takesEffort) output?.drop('effort')
  }
  const silent = type === 'disabled' || abilities.reasoning !== undefined
  return {
    ...read,
    budget,
    ignored: read.ignored.flatMap((name) =>
      name !== 'reasoning_effort' ? [name] : silent ? [] : ['thinking'],
    ),
  }
}
