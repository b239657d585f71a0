import type { Tenant } from '../../http/access/api-keys.ts'
import { withBegunAnswer } from '../chat/begun-answer.ts'
import type { ChatRequest } from '../chat/chat.ts'
import { fieldsWithoutEffect } from '../chat/common-fields.ts'
import { MAX_STOPS, samplingFields, samplingOf, stops } from '../chat/sampling.ts'
import { speculationFields, speculationOf } from '../chat/speculation.ts'
import { checkEnd, schemaConstraint, type WantedConstraint } from '../chat/structured-output.ts'
import { limitOf, tokenLimit } from '../chat/token-limit.ts'
import { ignored, refused, required } from '../contract/fates.ts'
import { at, type Read } from '../contract/field.ts'
import { flag, string } from '../contract/kinds.ts'
import { object } from '../contract/objects.ts'
import { modelField } from '../model-names.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { sharingFields, sharingOf } from '../sharing.ts'
import { messageFields, messagesOf } from './read-messages.ts'
import { anthropicThinking, thinkingFields } from './read-thinking.ts'
import { anthropicTools, toolFields } from './read-tools.ts'

/** Fields that tune cost, routing or telemetry only. */
const withoutEffect = {
  cache_control: ignored(),
  context_management: ignored(),
  diagnostics: ignored(),
  inference_geo: ignored(),
  metadata: ignored(object({ user_id: string(1024) })),
  service_tier: ignored(),
  speed: ignored(),
  user_profile_id: ignored(),
  workspace_id: ignored(),
}

/** Anthropic: the body of a request to count tokens. */
export const countBody = {
  model: modelField,
  container: refused('This server runs no code.'),
  mcp_servers: refused('This server calls no other servers.'),
  thread: refused('Nothing is kept between requests: send the whole conversation.'),
  ...messageFields,
  max_tokens: tokenLimit,
  stream: flag,
  ...toolFields,
  ...thinkingFields,
  ...speculationFields,
  ...sharingFields,
  stop_sequences: stops(MAX_STOPS),
  ...samplingFields,
  ...withoutEffect,
}

/** Anthropic: the body of a request for a message. */
export const messageBody = { ...countBody, max_tokens: required(countBody.max_tokens) }

export interface AnthropicRequest {
  readonly chat: ChatRequest
  readonly stream: boolean
  /** Names of fields without effect. */
  readonly ignored: readonly string[]
}

/** Makes a chat of the fields of Anthropic's body. @throws ServingError where they do not go together, or with this model. */
export function anthropicRequest(
  body: Read<typeof countBody>,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): AnthropicRequest {
  const asked: ChatRequest = {
    messages: messagesOf(body),
    tools: anthropicTools(body, ready.info.chat),
    thinking: anthropicThinking(body, ready.info.chat),
    limit: limitOf(body, ['max_tokens']),
    constraint: checkEnd(body.ignore_eos, formatOf(body)),
    speculation: speculationOf(body, serving.promptLookup),
    logprobs: undefined,
    n: 1,
    ...sharingOf(body, serving, tenant),
    ...samplingOf(body, ready.info.sampling, ready.vocabulary.size, body.stop_sequences),
  }
  const isBegun = asked.messages.at(-1)?.role === 'assistant'
  const chat = isBegun ? withBegunAnswer(asked, ready.info.chat, 'messages') : asked
  const without = fieldsWithoutEffect(body[at], serving.strictParams)
  const ignored = new Set([...without, ...chat.tools.ignored, ...chat.thinking.ignored])
  return { chat, stream: body.stream ?? false, ignored: [...ignored] }
}

/** Constraint of the answer. Anthropic: output_config.format is a JSON Schema. */
function formatOf({ output_config: output }: Read<typeof countBody>): WantedConstraint | undefined {
  if (output?.format === undefined) return undefined
  const { schema, [at]: fields } = output.format
  const param = fields.pathOf('schema')
  return { constraint: schemaConstraint(schema, param), param }
}
