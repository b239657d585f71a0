import type { Tenant } from '../../http/access/api-keys.ts'
import type { ChatRequest } from '../chat/chat.ts'
import { checkStreamed, fieldsWithoutEffect, metadata, user } from '../chat/common-fields.ts'
import { MAX_STOPS, samplingFields, samplingOf, stops } from '../chat/sampling.ts'
import { speculationFields, speculationOf } from '../chat/speculation.ts'
import {
  checkEnd,
  JSON_SCHEMA,
  schemaConstraint,
  schemaDescription,
  schemaName,
  type WantedConstraint,
} from '../chat/structured-output.ts'
import {
  budgetFields,
  budgetsOf,
  EFFORTS,
  type ThinkingRequest,
  templateKwargs,
  thinkingOf,
} from '../chat/thinking.ts'
import { limitOf, tokenLimit } from '../chat/token-limit.ts'
import { topLogprobs } from '../chat/wire-tokens.ts'
import { checkOneOf } from '../contract/checks.ts'
import { invalidValue } from '../contract/failures.ts'
import { ignored, refused, required } from '../contract/fates.ts'
import { at, type Read } from '../contract/field.ts'
import { anything, array, flag, mapped, oneOf } from '../contract/kinds.ts'
import { object, one, tagged } from '../contract/objects.ts'
import { modelField } from '../model-names.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { sharingFields, sharingOf } from '../sharing.ts'
import { inputFields, inputMessages } from './input.ts'
import { type ResponseTools, responseTools, toolFields } from './tools.ts'

const NOTHING_KEPT = "Nothing is kept between requests: send the whole conversation as 'input'."

/** OpenAI: the value of `include` for log probabilities. The other values ask for things that this server does not have. */
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

const include = mapped(array({ enum: INCLUDABLE }, 64), (wanted, path) =>
  wanted.map((what, index) => checkOneOf(`${path}[${index}]`, what, INCLUDABLE)),
)

/** OpenAI: `text.format`, which is `response_format` without the object around the schema. */
const format = one(
  tagged('type', {
    text: {},
    json_object: {},
    json_schema: {
      name: schemaName,
      description: schemaDescription,
      strict: flag,
      schema: required(anything(JSON_SCHEMA)),
    },
  }),
)

/** OpenAI: the body of a request for a response, and of one to count its tokens. */
export const responseBody = {
  model: modelField,
  background: refused('A response ends with its request.'),
  conversation: refused(NOTHING_KEPT),
  moderation: refused('This server does not moderate.'),
  previous_response_id: refused(NOTHING_KEPT),
  prompt: refused('No prompts are kept here.'),
  // The response repeats it.
  metadata,
  ...toolFields,
  max_output_tokens: tokenLimit,
  ...inputFields,
  ...budgetFields,
  // There are no summaries.
  reasoning: object({
    effort: oneOf(EFFORTS),
    summary: ignored(),
    generate_summary: ignored(),
    context: ignored(),
    mode: ignored(),
  }),
  chat_template_kwargs: templateKwargs,
  text: object({ verbosity: ignored(), format }),
  ...speculationFields,
  include,
  top_logprobs: topLogprobs,
  ...sharingFields,
  stop: stops(MAX_STOPS),
  ...samplingFields,
  stream: flag,
  store: flag,
  truncation: oneOf(['auto', 'disabled']),
  // Fields that tune cost, routing or telemetry only, or ask for things that this server does not have.
  context_management: ignored(),
  max_tool_calls: ignored(),
  prompt_cache_key: ignored(),
  prompt_cache_options: ignored(),
  prompt_cache_retention: ignored(),
  safety_identifier: ignored(),
  service_tier: ignored(),
  stream_options: ignored(object({ include_obfuscation: flag })),
  user: ignored(user),
}
type ResponseBody = Read<typeof responseBody>

export interface ResponsesRequest {
  readonly chat: ChatRequest
  readonly tools: ResponseTools
  readonly stream: boolean
  /** Fields of the response that repeat the request. */
  readonly echo: Readonly<Record<string, unknown>>
  /** Names of fields without effect. */
  readonly ignored: readonly string[]
}

/** Makes a chat of the fields of a request for a response. @throws ServingError where they do not go together, or with this model. */
export function responsesRequest(
  body: ResponseBody,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): ResponsesRequest {
  const { stream = false, [at]: fields } = body
  const tools = responseTools(body, ready.info.chat)
  const chat: ChatRequest = {
    messages: inputMessages(body),
    messagesField: 'input',
    tools: tools.request,
    thinking: thinkingRequest(body, ready),
    limit: limitOf(body, ['max_output_tokens']),
    constraint: checkEnd(body.ignore_eos, formatOf(body)),
    speculation: speculationOf(body, serving.promptLookup),
    logprobs: logprobsOf(body),
    n: 1,
    ...sharingOf(body, serving, tenant),
    ...samplingOf(body, ready.info.sampling, ready.vocabulary.size, body.stop),
  }
  checkStreamed(body.stream_options, stream)
  // This server keeps no response, as `store: false` asks for.
  if (body.store === true) fields.ignore('store')
  if (body.truncation === 'auto') fields.ignore('truncation')
  const echo = echoOf(body, chat, tools)
  const without = fieldsWithoutEffect(fields, serving.strictParams)
  return {
    chat,
    tools,
    stream,
    echo,
    ignored: [...without, ...tools.request.ignored, ...chat.thinking.ignored],
  }
}

/** OpenAI: log probabilities that `include` asks for. Its other values have no effect. */
function logprobsOf({
  include = [],
  top_logprobs: top,
  [at]: fields,
}: ResponseBody): { top: number; prompt: false } | undefined {
  if (include.some((what) => what !== LOGPROBS)) fields.ignore('include')
  if (include.includes(LOGPROBS)) return { top: top ?? 0, prompt: false }
  if (top !== undefined && top > 0) {
    throw invalidValue('top_logprobs', "it needs 'message.output_text.logprobs' in 'include'.")
  }
  return undefined
}

/** OpenAI: fields of a response that repeat its request. */
function echoOf(
  body: ResponseBody,
  { sampling, limit }: ChatRequest,
  tools: ResponseTools,
): ResponsesRequest['echo'] {
  return {
    instructions: body.instructions ?? null,
    max_output_tokens: limit?.tokens ?? null,
    metadata: body.metadata ?? {},
    parallel_tool_calls: tools.parallel,
    previous_response_id: null,
    reasoning: { effort: body.reasoning?.effort ?? null, summary: null },
    store: false,
    temperature: sampling.temperature,
    text: { format: body.text?.[at].value('format') ?? { type: 'text' } },
    tool_choice: body[at].value('tool_choice') ?? 'auto',
    tools: tools.echo,
    top_p: sampling.topP,
    truncation: 'disabled',
    ...(body.user === undefined ? {} : { user: body.user }),
  }
}

/** Thinking that a request asks for. OpenAI: `reasoning.effort`. */
function thinkingRequest(body: ResponseBody, { info }: ReadyModel): ThinkingRequest {
  const { reasoning, chat_template_kwargs: kwargs } = body
  const path = 'reasoning.effort'
  const effort = reasoning?.effort && {
    effort: reasoning.effort,
    path,
    drop: () => reasoning[at].drop('effort'),
  }
  return thinkingOf({ effort, effortField: path, budgets: budgetsOf(body), kwargs }, info.chat)
}

/** Constraint of the answer. OpenAI: `text.format`. */
function formatOf({ text }: ResponseBody): WantedConstraint | undefined {
  const format = text?.format
  if (format === undefined || format.type === 'text') return undefined
  if (format.type === 'json_object') {
    return { constraint: { kind: 'json_object', source: '' }, param: 'text.format' }
  }
  const param = format[at].pathOf('schema')
  return { constraint: schemaConstraint(format.schema, param), param }
}
