import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { fitInContext } from '../../generation/fit.ts'
import type { Generation } from '../../generation/generation.ts'
import type { ChatMessage, ChatTool } from '../../text/chat-message.ts'
import { Fields, invalidValue, oneOf, unsupported } from '../fields.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import {
  type Choice,
  type ChunkWriter,
  collectChoices,
  type ErrorListener,
  streamChoices,
} from './choices.ts'
import { ignoredFields, readModel, readStreamOptions, refuse } from './common-fields.ts'
import { sendIgnored } from './ignored-header.ts'
import { readMessages } from './messages.ts'
import { readSampling, type SamplingRequest, seedOfChoice } from './sampling.ts'
import { constrain, readConstraint, type WantedConstraint } from './structured-output.ts'
import { wireTimings, wireUsage } from './wire-timings.ts'

const REFUSED = {
  audio: 'This server produces text only.',
  functions: "It is deprecated. Use 'tools'.",
  function_call: "It is deprecated. Use 'tool_choice'.",
  logprobs: 'Log probabilities are not available yet.',
  moderation: 'This server does not moderate.',
  tools: 'Tool calls are not available yet.',
  top_logprobs: 'Log probabilities are not available yet.',
  web_search_options: 'This server does not search the web.',
  chat_template: "Only the model's own template is used.",
}

/** Template variables that a client may set: those that models document, and none that could reach further. */
const TEMPLATE_VARIABLES = ['enable_thinking']

interface ChatRequest extends SamplingRequest {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly tools: readonly ChatTool[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly maxTokens: number | undefined
  readonly constraint: WantedConstraint | undefined
  readonly n: number
  readonly stream: boolean
  readonly includeUsage: boolean
}

/** POST /chat/completions. OpenAI: chat completions, streamed and not. */
export function chatCompletions(app: FastifyInstance, serving: Serving, onError: ErrorListener): void {
  app.post('/chat/completions', { sse: 'manual' }, async (request, reply) => {
    const fields = new Fields(request.body)
    const model = readModel(fields, serving.names)
    const ready = await serving.model()
    const chat = readChat(fields, model, serving, ready)
    sendIgnored(reply, serving, ignoredFields(fields, serving.strictParams))
    reply.header('x-seed', chat.sampling.seed)
    const head = {
      id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
      created: Math.floor(Date.now() / 1000),
      model,
    }
    const start = (signal: AbortSignal): Promise<Generation[]> => startChat(chat, ready, serving, signal)
    if (chat.stream) return streamChoices(reply, start, chunkWriter(head), chat.includeUsage, onError)
    return sendChat(reply, head, await collectChoices(reply, start))
  })
}

function readChat(fields: Fields, model: string, serving: Serving, ready: ReadyModel): ChatRequest {
  refuse(fields, REFUSED)
  checkFormat(fields)
  const integer = { min: 1, max: Number.MAX_SAFE_INTEGER }
  const maxCompletion = fields.integer('max_completion_tokens', integer)
  const maxTokens = fields.integer('max_tokens', integer)
  return {
    model,
    messages: readMessages(fields),
    tools: [],
    kwargs: readTemplateVariables(fields),
    maxTokens: maxCompletion ?? maxTokens,
    constraint: readConstraint(fields),
    n: fields.integer('n', { min: 1, max: serving.maxN }) ?? 1,
    ...readStreamOptions(fields),
    ...readSampling(fields, ready.info.sampling, ready.vocabulary.size),
  }
}

function checkFormat(fields: Fields): void {
  for (const modality of fields.array('modalities', 8) ?? []) oneOf('modalities', modality, ['text'])
  const choice = fields.value('tool_choice')
  if (choice !== undefined && choice !== 'none' && choice !== 'auto') {
    throw unsupported('tool_choice', "'tool_choice' is only allowed when 'tools' are given.")
  }
}

function readTemplateVariables(fields: Fields): Record<string, unknown> {
  const kwargs = fields.object('chat_template_kwargs')
  if (kwargs === undefined) return {}
  for (const [name] of kwargs.entries()) {
    if (!TEMPLATE_VARIABLES.includes(name)) {
      throw unsupported('chat_template_kwargs', `A client may set: ${TEMPLATE_VARIABLES.join(', ')}.`)
    }
  }
  const thinking = kwargs.boolean('enable_thinking')
  return thinking === undefined ? {} : { enable_thinking: thinking }
}

async function startChat(
  chat: ChatRequest,
  ready: ReadyModel,
  serving: Serving,
  signal: AbortSignal,
): Promise<Generation[]> {
  if (!chat.messages.some((message) => message.content !== '' || message.tool_calls !== undefined)) {
    throw invalidValue('messages', 'every message is empty.')
  }
  serving.checkRoom(chat.n)
  const prompt = await serving.chatTokens(chat.messages, chat.tools, chat.kwargs, signal)
  const sampling = await constrain(chat.sampling, chat.constraint, ready.vocabulary, serving, signal)
  const maxTokens = fitInContext(prompt.length, chat.maxTokens, ready.contextSize, 'messages')
  return serving.start(
    Array.from({ length: chat.n }, (_, choice) => ({
      prompt,
      maxTokens,
      stops: chat.stops,
      ignoreEos: chat.ignoreEos,
      sampling: { ...sampling, seed: seedOfChoice(sampling.seed, choice) },
    })),
  )
}

interface ResponseHead {
  readonly id: string
  readonly created: number
  readonly model: string
}

function sendChat(reply: FastifyReply, head: ResponseHead, choices: readonly Choice[]): FastifyReply {
  const first = choices[0]
  return reply.send({
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    choices: choices.map(({ text, end }, index) => ({
      index,
      message: { role: 'assistant', content: text, refusal: null },
      logprobs: null,
      finish_reason: end.reason,
    })),
    usage: wireUsage(choices.map(({ end }) => end.usage)),
    ...(first === undefined ? {} : { timings: wireTimings(first.end.timings) }),
  })
}

/** OpenAI: role once, then content, then an empty delta with the reason. */
function chunkWriter({ id, created, model }: ResponseHead): ChunkWriter {
  const chunk = (index: number, delta: object, reason: string | null): object => ({
    id,
    object: 'chat.completion.chunk',
    created,
    model,
    choices: [{ index, delta, logprobs: null, finish_reason: reason }],
  })
  return {
    first: (index) => chunk(index, { role: 'assistant', content: '' }, null),
    text: (index, text) => chunk(index, { content: text }, null),
    finish: (index, end) => ({ ...chunk(index, {}, end.reason), timings: wireTimings(end.timings) }),
    usage: (ends) => ({
      id,
      object: 'chat.completion.chunk',
      created,
      model,
      choices: [],
      usage: wireUsage(ends.map((end) => end.usage)),
    }),
  }
}
