import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { fitInContext } from '../../generation/fit.ts'
import type { Generation, GenerationRequest } from '../../generation/generation.ts'
import type { ChatMessage } from '../../text/chat-message.ts'
import type { OutputFormat } from '../../text/output-parser.ts'
import { endsInThought } from '../../text/reasoning.ts'
import { Fields, invalidValue, oneOf, unsupported } from '../fields.ts'
import type { ApiHandler, ReadyModel, Serving } from '../serving.ts'
import {
  type Choice,
  type ChunkWriter,
  collectChoices,
  type ErrorListener,
  streamChoices,
} from './choices.ts'
import { ignoredFields, readModel, readStreamOptions, refuse } from './common-fields.ts'
import { sendIgnored } from './ignored-header.ts'
import { readChatLogprobs, wireLogprobs } from './logprobs.ts'
import { readMessages } from './messages.ts'
import { readSampling, type SamplingRequest, seedOfChoice } from './sampling.ts'
import { readSpeculation, type SpeculationRequest, speculate } from './speculation.ts'
import { constrain, readConstraint, type WantedConstraint } from './structured-output.ts'
import { readThinking, type ThinkingRequest } from './thinking.ts'
import { finishReason, wireCall, wireDelta } from './tool-calls.ts'
import { readTools, type ToolRequest } from './tools.ts'
import { wireTimings, wireUsage } from './wire-timings.ts'

const REFUSED = {
  audio: 'This server produces text only.',
  functions: "It is deprecated. Use 'tools'.",
  function_call: "It is deprecated. Use 'tool_choice'.",
  moderation: 'This server does not moderate.',
  web_search_options: 'This server does not search the web.',
  chat_template: "Only the model's own template is used.",
}

interface ChatRequest extends SamplingRequest {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly tools: ToolRequest
  readonly thinking: ThinkingRequest
  readonly maxTokens: number | undefined
  readonly constraint: WantedConstraint | undefined
  readonly speculation: SpeculationRequest
  readonly logprobs: GenerationRequest['logprobs']
  readonly n: number
  readonly stream: boolean
  readonly includeUsage: boolean
}

/** POST /chat/completions. OpenAI: chat completions, streamed and not. */
export function chatCompletions(app: FastifyInstance, serving: Serving, onError: ErrorListener): void {
  app.post('/chat/completions', { sse: 'manual' }, chatHandler(serving, onError))
}

/** What the endpoint does, for other paths to it. */
export function chatHandler(serving: Serving, onError: ErrorListener): ApiHandler {
  return async (request, reply) => {
    const fields = new Fields(request.body)
    const model = readModel(fields, serving.names)
    const ready = await serving.model()
    const chat = readChat(fields, model, serving, ready)
    const ignored = ignoredFields(fields, serving.strictParams)
    sendIgnored(reply, serving, [...ignored, ...chat.tools.ignored, ...chat.thinking.ignored])
    reply.header('x-seed', chat.sampling.seed)
    const head = {
      id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
      created: Math.floor(Date.now() / 1000),
      model,
    }
    const start = (signal: AbortSignal): Promise<Generation[]> => startChat(chat, ready, serving, signal)
    if (chat.stream) return streamChoices(reply, start, chunkWriter(head, ready), chat.includeUsage, onError)
    return sendChat(reply, head, await collectChoices(reply, start), ready)
  }
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
    tools: readTools(fields, ready.info.chat),
    thinking: readThinking(fields, ready.info.chat),
    maxTokens: maxCompletion ?? maxTokens,
    constraint: readConstraint(fields),
    speculation: readSpeculation(fields, serving.promptLookup),
    logprobs: readChatLogprobs(fields),
    n: fields.integer('n', { min: 1, max: serving.maxN }) ?? 1,
    ...readStreamOptions(fields),
    ...readSampling(fields, ready.info.sampling, ready.vocabulary.size),
  }
}

function checkFormat(fields: Fields): void {
  for (const modality of fields.array('modalities', 8) ?? []) oneOf('modalities', modality, ['text'])
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
  const prompt = await serving.chatTokens(chat.messages, chat.tools.tools, chat.thinking.kwargs, signal)
  const sampling = await constrain(chat.sampling, chat.constraint, ready.vocabulary, serving, signal)
  const maxTokens = fitInContext(prompt.tokens.length, chat.maxTokens, ready.contextSize, 'messages')
  const output = outputFormat(chat, ready, prompt.rendered)
  checkConstraint(chat.constraint, output)
  const speculation = await speculate(chat.speculation, serving, signal)
  return serving.start(
    Array.from({ length: chat.n }, (_, choice) => ({
      prompt: prompt.tokens,
      output,
      maxTokens,
      stops: chat.stops,
      ignoreEos: chat.ignoreEos,
      sampling: { ...sampling, seed: seedOfChoice(sampling.seed, choice) },
      speculation,
      logprobs: chat.logprobs,
    })),
  )
}

/** A constraint holds from the first token on: it would forbid a thought, and a call. */
function checkConstraint(wanted: WantedConstraint | undefined, { reasoning, tools }: OutputFormat): void {
  if (wanted === undefined) return
  if (tools !== undefined) throw unsupported(wanted.param, "It is not available together with 'tools' yet.")
  if (reasoning?.opened)
    throw unsupported(wanted.param, 'It is not available while the model thinks: switch thinking off.')
}

/** How the answer to this prompt is to be read. */
function outputFormat(chat: ChatRequest, { info }: ReadyModel, rendered: string): OutputFormat {
  const { reasoning, reasoningMarkers, toolMarkers } = info.chat
  const { output: tools } = chat.tools
  return {
    ...(reasoning && { reasoning: { tags: reasoning, opened: endsInThought(rendered, reasoning) } }),
    ...(tools && { tools }),
    // Where no call is looked for, its markup stays out of the content.
    markers: new Map([...reasoningMarkers, ...(tools ? toolMarkers : [])]),
  }
}

interface ResponseHead {
  readonly id: string
  readonly created: number
  readonly model: string
}

function sendChat(
  reply: FastifyReply,
  head: ResponseHead,
  choices: readonly Choice[],
  { vocabulary }: ReadyModel,
): FastifyReply {
  const first = choices[0]
  return reply.send({
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    choices: choices.map((choice, index) => ({
      index,
      message: wireMessage(choice),
      logprobs: wireLogprobs(choice.tokens, vocabulary),
      finish_reason: finishReason(choice.end, choice.calls.length > 0),
    })),
    usage: wireUsage(choices.map(({ end }) => end.usage)),
    ...(first === undefined ? {} : { timings: wireTimings(first.end.timings) }),
  })
}

/** OpenAI: content is null beside calls; an empty list of calls is left out. */
function wireMessage({ text, reasoning, calls }: Choice): object {
  return {
    role: 'assistant',
    content: text === '' && (calls.length > 0 || reasoning !== '') ? null : text,
    refusal: null,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(wireCall) }),
  }
}

/** OpenAI: role once, then thought, content and calls, then an empty delta with the reason. */
function chunkWriter({ id, created, model }: ResponseHead, { vocabulary }: ReadyModel): ChunkWriter {
  const chunk = (
    index: number,
    delta: object,
    reason: string | null,
    logprobs: object | null = null,
  ): object => ({
    id,
    object: 'chat.completion.chunk',
    created,
    model,
    choices: [{ index, delta, logprobs, finish_reason: reason }],
  })
  const withCalls = new Set<number>()
  return {
    first: (index) => chunk(index, { role: 'assistant', content: '' }, null),
    part: (index, part) => {
      if (part.type === 'call') withCalls.add(index)
      const logprobs = part.type === 'text' ? wireLogprobs(part.tokens, vocabulary) : null
      return chunk(index, wireDelta(part), null, logprobs)
    },
    finish: (index, end) => ({
      ...chunk(index, {}, finishReason(end, withCalls.has(index))),
      timings: wireTimings(end.timings),
    }),
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
