import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ServingError } from '../../base/errors.ts'
import { roomBehind } from '../../generation/fit.ts'
import type { Generation, GenerationRequest } from '../../generation/generation.ts'
import { sendAnswer } from '../../http/slow-answer.ts'
import type { PromptCall, TextTokens, TextTurn } from '../../protocol/text-messages.ts'
import { collectChoices } from '../chat/collect.ts'
import { fieldsWithoutEffect } from '../chat/common-fields.ts'
import { generationRequests } from '../chat/generation-requests.ts'
import type { ErrorListener } from '../chat/generations.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { engineSpeculation, predicted } from '../chat/speculation.ts'
import { type ChangeListener, constrained } from '../chat/structured-output.ts'
import { grantedTokens, namingChanges, type Start } from '../chat/token-limit.ts'
import { invalidValue } from '../contract/failures.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { readModel } from '../model-names.ts'
import type { ApiHandler, ReadyModel, Serving } from '../serving.ts'
import { streamChoices } from './choices.ts'
import { chunkWriter, echoes, wireCompletion } from './completion-answer.ts'
import { type CompletionRequest, completionBody, completionOf } from './completion-request.ts'
import type { Prompt } from './prompts.ts'

/** Log probabilities of prompts that one answer may have: it is put together in memory. */
const MAX_PROMPT_LOGPROBS = 500_000

/** POST /completions. OpenAI: legacy completions; a prompt is text or token ids, one or many. */
export function completions(app: FastifyInstance, serving: Serving, onError: ErrorListener): void {
  app.post('/completions', { sse: 'manual' }, completionHandler(serving, onError))
}

/** Handler of POST /completions, for other paths to the same endpoint. */
export function completionHandler(serving: Serving, onError: ErrorListener): ApiHandler {
  return async (request, reply) => {
    const fields = Fields.ofBody(request)
    const model = readModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const wanted = completionOf(readDeclared(fields, completionBody), serving, ready, request.tenant)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    reply.header('x-seed', wanted.sampling.seed)
    const head = {
      id: `cmpl-${randomUUID().replaceAll('-', '')}`,
      object: 'text_completion',
      created: Math.floor(Date.now() / 1000),
      model,
      system_fingerprint: ready.fingerprint,
    }
    const answer = { head, wanted, echoed: echoes(wanted, ready), ready }
    const start = completionStarter(wanted, ready, serving, reply)
    if (wanted.stream) return streamChoices(reply, start, chunkWriter(answer), wanted.reportUsage, onError)
    return sendAnswer(
      reply,
      collectChoices(reply, start).then((choices) => wireCompletion(answer, choices)),
      onError,
    )
  }
}

/** Starts all generations of a completion, and names what the request asked for that could not be had whole. */
export function completionStarter(
  wanted: CompletionRequest,
  ready: ReadyModel,
  serving: Serving,
  reply: FastifyReply,
): (signal: AbortSignal) => Promise<Generation[]> {
  const start: Start = async (signal, onChange) => {
    const { prompts, bestOf: choices, share } = wanted
    checkIds(wanted, ready.contextSize)
    const promptTokens = await estimateCompletion(wanted, serving)
    const work = { tenant: share.tenant, prompts: prompts.length, promptTokens, choices }
    using permit = serving.admit(work)
    return serving.start(await prepareAll(wanted, ready, serving, signal, onChange), permit, signal)
  }
  return namingChanges(start, wanted.limit, serving, reply)
}

/** Refuses token ids that cannot fit before they reach the text process. @throws ServingError context_length_exceeded. */
function checkIds({ prompts, limit }: CompletionRequest, contextSize: number): void {
  for (const prompt of prompts.filter(isMixed)) {
    const ids = prompt.reduce((sum, part) => sum + (typeof part === 'string' ? 0 : part.length), 0)
    roomBehind(ids, contextSize, 'prompt', limit?.tokens === 0, 'at least ')
  }
}

/** Estimates the tokens of all prompts of a request together. */
export async function estimateCompletion(
  { prompts, suffix = '', context = '' }: CompletionRequest,
  serving: Serving,
): Promise<number> {
  const parts = prompts.flatMap((prompt) => (isMixed(prompt) ? prompt : [prompt]))
  const texts = parts.filter((part) => typeof part === 'string')
  const ids = parts.filter((part) => typeof part !== 'string')
  return (
    (await serving.estimateTokens([...texts, ...texts.map(() => suffix), context])) +
    ids.reduce((sum, { length }) => sum + length, 0)
  )
}

async function prepareAll(
  wanted: CompletionRequest,
  ready: ReadyModel,
  serving: Serving,
  signal: AbortSignal,
  onChange: ChangeListener,
): Promise<GenerationRequest[]> {
  const turn = { share: wanted.share, signal, most: ready.contextSize }
  const { prompts, constraint } = wanted
  const preparation = {
    prompts: prompts.flatMap((prompt) =>
      prompt instanceof Uint32Array ? [] : [promptOf(prompt, wanted.suffix, wanted.context)],
    ),
    constraint: constraint?.constraint,
    openThought: undefined,
    thoughtEnding: undefined,
    prediction: predicted(wanted.speculation),
  }
  const prepared = await serving.prepare(preparation, constraint?.param ?? '', turn)
  onChange(prepared.changed ?? [])
  const sampling = constrained(wanted.sampling, prepared.grammar, ready.vocabulary)
  const speculation = engineSpeculation(wanted.speculation, prepared.prediction)
  // Choices are compared by their log probabilities.
  const logprobs = wanted.logprobs ?? (wanted.bestOf > wanted.n ? { top: 0, prompt: false } : undefined)
  const requests: GenerationRequest[] = []
  const texts = prepared.prompts.values()
  let promptLogprobs = 0
  for (const prompt of prompts) {
    const { tokens, count } = prompt instanceof Uint32Array ? listed(prompt) : notEmpty(texts.next().value)
    const maxTokens = grantedTokens(count, wanted.limit, ready.contextSize, 'prompt', serving.strictParams)
    if (logprobs?.prompt) promptLogprobs += count * wanted.bestOf * (logprobs.top + 1)
    if (promptLogprobs > MAX_PROMPT_LOGPROBS) throw tooManyLogprobs()
    const all = { prompt: tokens, maxTokens, sampling, speculation, logprobs }
    const unread = { output: undefined, thoughtLimit: undefined }
    requests.push(...generationRequests(wanted, { ...all, ...unread }, ready, wanted.bestOf))
  }
  return requests
}

/** Makes the tokens of a prompt that the engine receives. @throws ServingError as Serving.prompt does. */
export async function tokensOf(
  prompt: Prompt,
  suffix: string | undefined,
  serving: Serving,
  turn: TextTurn,
): Promise<TextTokens> {
  return prompt instanceof Uint32Array
    ? listed(prompt)
    : notEmpty(await serving.prompt(promptOf(prompt, suffix), turn))
}

function promptOf(
  prompt: Exclude<Prompt, Uint32Array>,
  suffix: string | undefined,
  context?: string,
): PromptCall {
  if (typeof prompt !== 'string') return { type: 'mixed', parts: prompt }
  if (suffix === undefined) return { type: 'tokenize', text: prompt }
  return { type: 'infill', prefix: prompt, suffix, ...(context !== undefined && { context }) }
}

function isMixed(prompt: Prompt): prompt is readonly (string | Uint32Array)[] {
  return typeof prompt !== 'string' && !(prompt instanceof Uint32Array)
}

function listed(tokens: Uint32Array): TextTokens {
  return { tokens, count: tokens.length }
}

function notEmpty(counted: TextTokens | undefined): TextTokens {
  if (counted !== undefined && counted.count > 0) return counted
  throw invalidValue('prompt', 'it is empty, and this model has no token to begin with.')
}

function tooManyLogprobs(): ServingError {
  return invalidValue(
    'logprobs',
    `with 'echo' an answer has at most ${MAX_PROMPT_LOGPROBS} log probabilities of prompts: tokens, times 'logprobs' + 1.`,
  )
}
