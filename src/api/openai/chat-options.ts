import type { Tenant } from '../../http/access/api-keys.ts'
import type { ChatRequest } from '../chat/chat.ts'
import { MAX_STOPS, samplingFields, samplingOf, stops } from '../chat/sampling.ts'
import { speculationFields, speculationOf } from '../chat/speculation.ts'
import { constraintFields, constraintOf } from '../chat/structured-output.ts'
import { thinkingFields, thinkingOf, thinkingWish } from '../chat/thinking.ts'
import { limitOf, tokenLimit } from '../chat/token-limit.ts'
import { toolFields, toolsOf } from '../chat/tools.ts'
import { checkMost } from '../contract/checks.ts'
import type { Read } from '../contract/field.ts'
import { integer } from '../contract/kinds.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { sharingFields, sharingOf } from '../sharing.ts'
import { chatLogprobFields, chatLogprobs } from './logprobs.ts'

/** All of a chat but its messages, with OpenAI's names and this server's own. */
export const chatOptionFields = {
  max_completion_tokens: tokenLimit,
  max_tokens: tokenLimit,
  // llama-server's.
  n_predict: tokenLimit,
  ...toolFields,
  ...thinkingFields,
  ...constraintFields,
  ...speculationFields,
  ...chatLogprobFields,
  n: integer({ min: 1 }),
  ...sharingFields,
  stop: stops(MAX_STOPS),
  ...samplingFields,
}

/** Makes a chat's options of its fields. @throws ServingError where they do not go together, or with this model. */
export function chatOptionsOf(
  body: Read<typeof chatOptionFields> & { readonly model: string | undefined },
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): Omit<ChatRequest, 'messages'> {
  const { n = 1 } = body
  checkMost('n', n, serving.maxN)
  return {
    tools: toolsOf(body, ready.info.chat),
    thinking: thinkingOf(thinkingWish(body), ready.info.chat),
    limit: limitOf(body, ['max_completion_tokens', 'max_tokens', 'n_predict']),
    constraint: constraintOf(body),
    speculation: speculationOf(body, serving.promptLookup),
    logprobs: chatLogprobs(body),
    n,
    ...sharingOf(body, serving, tenant),
    ...samplingOf(body, ready.info.sampling, ready.vocabulary.size, body.stop),
  }
}
