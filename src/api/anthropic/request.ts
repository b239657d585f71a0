import type { Tenant } from '../../http/access/api-keys.ts'
import type { ChatRequest } from '../chat/chat.ts'
import { fieldsWithoutEffect, refuse } from '../chat/common-fields.ts'
import { readSampling, readStops } from '../chat/sampling.ts'
import { readSpeculation } from '../chat/speculation.ts'
import { checkEnd, schemaConstraint, type WantedConstraint } from '../chat/structured-output.ts'
import { type Fields, missing, oneOf } from '../fields.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { readSharing } from '../sharing.ts'
import { readMessages } from './read-messages.ts'
import { readAnthropicThinking } from './read-thinking.ts'
import { readAnthropicTools } from './read-tools.ts'

const REFUSED = {
  container: 'This server runs no code.',
  mcp_servers: 'This server calls no other servers.',
  thread: 'Nothing is kept between requests: send the whole conversation.',
}

/** Fields that tune cost, routing or telemetry only. */
const WITHOUT_EFFECT = [
  'cache_control',
  'context_management',
  'diagnostics',
  'inference_geo',
  'metadata',
  'service_tier',
  'speed',
  'user_profile_id',
  'workspace_id',
]

const MAX_STOPS = 64

export interface AnthropicRequest {
  readonly chat: ChatRequest
  readonly stream: boolean
  /** Names of fields without effect. */
  readonly ignored: readonly string[]
}

/** Anthropic: the body of a request for a message. @throws ServingError. */
export function readRequest(
  fields: Fields,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
  /** Counting needs no limit. */
  needsLimit: boolean,
): AnthropicRequest {
  refuse(fields, REFUSED)
  const notices = new Set<string>()
  const notice = (name: string): unknown => notices.add(name)
  const messages = readMessages(fields, notice)
  const maxTokens = fields.integer('max_tokens', { min: 1, max: Number.MAX_SAFE_INTEGER })
  if (needsLimit && maxTokens === undefined) throw missing('max_tokens')
  const stream = fields.boolean('stream') ?? false
  fields.object('metadata')?.string('user_id', 1024)
  const chat: ChatRequest = {
    messages,
    tools: readAnthropicTools(fields, ready.info.chat, notice),
    thinking: readAnthropicThinking(fields, ready.info.chat, notice),
    maxTokens,
    clampMaxTokens: true,
    constraint: checkEnd(fields, readFormat(fields)),
    speculation: readSpeculation(fields, serving.promptLookup),
    logprobs: undefined,
    n: 1,
    ...readSharing(fields, serving, tenant),
    ...readSampling(
      fields,
      ready.info.sampling,
      ready.vocabulary.size,
      readStops(fields, 'stop_sequences', MAX_STOPS),
    ),
  }
  const without = fieldsWithoutEffect(fields, WITHOUT_EFFECT, serving.strictParams)
  const ignored = new Set([...without, ...chat.tools.ignored, ...chat.thinking.ignored, ...notices])
  return { chat, stream, ignored: [...ignored] }
}

/** Anthropic: output_config.format is a JSON Schema. */
function readFormat(fields: Fields): WantedConstraint | undefined {
  const format = fields.object('output_config')?.object('format')
  if (format === undefined) return undefined
  oneOf(format.pathOf('type'), format.required('type'), ['json_schema'])
  const param = format.pathOf('schema')
  return { constraint: schemaConstraint(format.required('schema'), param), param }
}
