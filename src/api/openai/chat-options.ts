import type { Tenant } from '../../http/access/api-keys.ts'
import type { ChatRequest } from '../chat/chat.ts'
import { readSampling } from '../chat/sampling.ts'
import { readSpeculation } from '../chat/speculation.ts'
import { readConstraint } from '../chat/structured-output.ts'
import { readThinking } from '../chat/thinking.ts'
import { readTools } from '../chat/tools.ts'
import type { Fields } from '../fields.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { readSharing } from '../sharing.ts'
import { readChatLogprobs } from './logprobs.ts'

/** All of a chat but its messages, from fields with OpenAI's names and this server's own. @throws ServingError. */
export function readChatOptions(
  fields: Fields,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): Omit<ChatRequest, 'messages'> {
  const integer = { min: 1, max: Number.MAX_SAFE_INTEGER }
  const maxTokens = fields.eitherOf(['max_completion_tokens', 'max_tokens'], (name) =>
    fields.integer(name, integer),
  )
  return {
    tools: readTools(fields, ready.info.chat),
    thinking: readThinking(fields, ready.info.chat),
    maxTokens,
    constraint: readConstraint(fields),
    speculation: readSpeculation(fields, serving.promptLookup),
    logprobs: readChatLogprobs(fields),
    n: fields.integer('n', { min: 1, max: serving.maxN }) ?? 1,
    ...readSharing(fields, serving, tenant),
    ...readSampling(fields, ready.info.sampling, ready.vocabulary.size),
  }
}
