import type { Tenant } from '../../http/access/api-keys.ts'
import type { ChatRequest } from '../chat/chat.ts'
import { checkLabels, fieldsWithoutEffect, readStreamOptionsObject, refuse } from '../chat/common-fields.ts'
import { readSampling } from '../chat/sampling.ts'
import { readSpeculation } from '../chat/speculation.ts'
import { checkEnd, schemaConstraint, type WantedConstraint } from '../chat/structured-output.ts'
import { BUDGETS, EFFORTS, readThinking, type ThinkingRequest } from '../chat/thinking.ts'
import { MOST_ALTERNATIVES } from '../chat/wire-tokens.ts'
import { readQuietly } from '../field-reads.ts'
import { Fields, invalidValue, oneOf } from '../fields.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { readSharing } from '../sharing.ts'
import { readInput } from './input.ts'
import { type ResponseTools, readResponseTools } from './tools.ts'

const NOTHING_KEPT = "Nothing is kept between requests: send the whole conversation as 'input'."

const REFUSED = {
  background: 'A response ends with its request.',
  conversation: NOTHING_KEPT,
  moderation: 'This server does not moderate.',
  previous_response_id: NOTHING_KEPT,
  prompt: 'No prompts are kept here.',
}

/** Fields that tune cost, routing or telemetry only, or ask for more than there is. */
const WITHOUT_EFFECT = [
  'context_management',
  'max_tool_calls',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'safety_identifier',
  'service_tier',
  'stream_options',
  'user',
]

/** OpenAI: log probabilities, and what there is none of here. */
const LOGPROBS = 'message.output_text.logprobs'
const INCLUDABLE = [
  'code_interpreter_call.outputs',
  'computer_call_output.output.image_url',
  'file_search_call.results',
  'message.input_image.image_url',
  LOGPROBS,
  'reasoning.encrypted_content',
  'web_search_call.action.sources',
  'web_search_call.results',
] as const

export interface ResponsesRequest {
  readonly chat: ChatRequest
  readonly tools: ResponseTools
  readonly stream: boolean
  /** Fields of the response that repeat the request. */
  readonly echo: Readonly<Record<string, unknown>>
  /** Names of fields without effect. */
  readonly ignored: readonly string[]
}

/** OpenAI: the body of a request for a response. @throws ServingError. */
export function readResponses(
  fields: Fields,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): ResponsesRequest {
  refuse(fields, REFUSED)
  checkLabels(fields)
  const notices = new Set<string>()
  const tools = readResponseTools(fields, ready.info.chat)
  const maxTokens = fields.integer('max_output_tokens', { min: 1, max: Number.MAX_SAFE_INTEGER })
  const chat: ChatRequest = {
    messages: readInput(fields),
    messagesField: 'input',
    tools: tools.request,
    thinking: readReasoning(fields, ready, notices),
    maxTokens,
    constraint: checkEnd(fields, readFormat(fields, notices)),
    speculation: readSpeculation(fields, serving.promptLookup),
    logprobs: readLogprobs(fields, notices),
    n: 1,
    ...readSharing(fields, serving, tenant),
    ...readSampling(fields, ready.info.sampling, ready.vocabulary.size),
  }
  const stream = fields.boolean('stream') ?? false
  readStreamOptionsObject(fields, stream)
  // Not to keep a response is what this server does.
  if (fields.boolean('store') === true) notices.add('store')
  const truncation = fields.value('truncation')
  if (truncation !== undefined && oneOf('truncation', truncation, ['auto', 'disabled']) === 'auto') {
    notices.add('truncation')
  }
  const echo = echoOf(fields, chat, tools)
  const without = fieldsWithoutEffect(fields, WITHOUT_EFFECT, serving.strictParams)
  const ignored = [...without, ...tools.request.ignored, ...chat.thinking.ignored, ...notices]
  return { chat, tools, stream, echo, ignored }
}

/** OpenAI: what is included beside the text; of all that may be asked for, there are log probabilities. */
function readLogprobs(fields: Fields, notices: Set<string>): { top: number; prompt: false } | undefined {
  const included = (fields.array('include', 64) ?? []).map((what, index) =>
    oneOf(`include[${index}]`, what, INCLUDABLE),
  )
  const wanted = included.includes(LOGPROBS)
  if (included.some((what) => what !== LOGPROBS)) notices.add('include')
  const top = fields.integer('top_logprobs', { min: 0, max: MOST_ALTERNATIVES })
  if (wanted) return { top: top ?? 0, prompt: false }
  if (top !== undefined && top > 0) {
    throw invalidValue('top_logprobs', "it needs 'message.output_text.logprobs' in 'include'.")
  }
  return undefined
}

/** OpenAI: what a response says of its request. */
function echoOf(
  fields: Fields,
  { sampling, maxTokens }: ChatRequest,
  tools: ResponseTools,
): ResponsesRequest['echo'] {
  const reasoning = fields.object('reasoning')
  return {
    instructions: fields.value('instructions') ?? null,
    max_output_tokens: maxTokens ?? null,
    metadata: fields.value('metadata') ?? {},
    parallel_tool_calls: tools.parallel,
    previous_response_id: null,
    reasoning: { effort: reasoning?.value('effort') ?? null, summary: null },
    store: false,
    temperature: sampling.temperature,
    text: { format: fields.object('text')?.value('format') ?? { type: 'text' } },
    tool_choice: fields.value('tool_choice') ?? 'auto',
    tools: tools.echo,
    top_p: sampling.topP,
    truncation: 'disabled',
    ...(fields.value('user') === undefined ? {} : { user: fields.value('user') }),
  }
}

/** OpenAI: reasoning.effort; there are no summaries. */
function readReasoning(fields: Fields, ready: ReadyModel, notices: Set<string>): ThinkingRequest {
  const reasoning = fields.object('reasoning')
  const given = reasoning?.value('effort')
  const effort = given === undefined ? undefined : oneOf('reasoning.effort', given, EFFORTS)
  for (const name of ['summary', 'generate_summary', 'context', 'mode']) {
    if (reasoning?.value(name) !== undefined) notices.add(`reasoning.${name}`)
  }
  const own = fields.value('chat_template_kwargs')
  const budgets = Object.fromEntries(BUDGETS.map((name) => [name, fields.value(name)]))
  const chat = new Fields({ ...budgets, reasoning_effort: effort, chat_template_kwargs: own })
  const read = readQuietly(() => readThinking(chat, ready.info.chat))
  for (const name of chat.unread()) {
    if (name === 'reasoning_effort') reasoning?.drop('effort')
    else fields.drop(name)
  }
  const ignored = read.ignored.map((name) => (name === 'reasoning_effort' ? 'reasoning.effort' : name))
  return { ...read, ignored }
}

/** OpenAI: text.format, which is response_format without the object around the schema. */
function readFormat(fields: Fields, notices: Set<string>): WantedConstraint | undefined {
  const text = fields.object('text')
  if (text?.value('verbosity') !== undefined) notices.add('text.verbosity')
  const format = text?.object('format')
  if (format === undefined) return undefined
  const kind = oneOf(format.pathOf('type'), format.required('type'), ['text', 'json_object', 'json_schema'])
  if (kind === 'text') return undefined
  if (kind === 'json_object') {
    return { constraint: { kind: 'json_object', source: '' }, param: 'text.format' }
  }
  format.needed('name')
  if (!/^[a-zA-Z0-9_-]{1,64}$/.test(format.string('name') ?? '')) {
    throw invalidValue(format.pathOf('name'), 'a name has 1 to 64 letters, digits, underscores and dashes.')
  }
  format.string('description', 65_536)
  format.boolean('strict')
  const param = format.pathOf('schema')
  return { constraint: schemaConstraint(format.needed('schema'), param), param }
}
