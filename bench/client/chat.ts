import type { IncomingMessage } from 'node:http'
import { type ChatChunk, contentOf, errorOf } from './chat-chunk.ts'
import { postJson } from './post.ts'
import { EventReader } from './server-sent-events.ts'

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** One OpenAI base URL, such as http://127.0.0.1:8080/v1. */
export interface ChatTarget {
  readonly baseUrl: string
  readonly model: string
  readonly timeoutMs: number
}

/** One streamed chat as it came. Times in ms on performance.now()'s clock. */
export interface ChatRecord {
  readonly sentAt: number
  tics: number[]
  endAt: number
  status: number
  error: string | undefined
  retryAfter: number | undefined
  answer: string
  promptTokens: number
  cachedTokens: number | undefined
  completionTokens: number
}

/** `ignore_eos` keeps the answer at its full length where the server knows it; the rest of the sampling is the same everywhere. */
const sampling = { temperature: 0.8, top_k: 40, top_p: 0.95, min_p: 0.05, ignore_eos: true }

/** Never rejects: what goes wrong is part of the record. */
export async function chat(
  target: ChatTarget,
  messages: readonly ChatMessage[],
  maxTokens: number,
  seed: number,
): Promise<ChatRecord> {
  const record = emptyRecord()
  const stream = { stream: true, stream_options: { include_usage: true } }
  const body = { model: target.model, messages, max_tokens: maxTokens, seed, ...sampling, ...stream }
  try {
    const response = await postJson(`${target.baseUrl}/chat/completions`, body, target.timeoutMs)
    await receive(response, record)
  } catch (error) {
    record.error = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
  record.endAt = performance.now()
  if (record.completionTokens < maxTokens)
    record.error ??= `${record.completionTokens} of ${maxTokens} tokens`
  return record
}

function emptyRecord(): ChatRecord {
  const nothing = { error: undefined, retryAfter: undefined, cachedTokens: undefined }
  const zero = { endAt: 0, status: 0, promptTokens: 0, completionTokens: 0 }
  return { sentAt: performance.now(), tics: [], answer: '', ...zero, ...nothing }
}

async function receive(response: IncomingMessage, record: ChatRecord): Promise<void> {
  record.status = response.statusCode ?? 0
  if (record.status !== 200) return refuse(response, record)
  const reader = new EventReader()
  for await (const bytes of response as AsyncIterable<Uint8Array>) {
    const at = performance.now()
    for (const data of reader.push(bytes)) note(data, at, record)
  }
}

async function refuse(response: IncomingMessage, record: ChatRecord): Promise<void> {
  const retryAfter = Number(response.headers['retry-after'] ?? Number.NaN)
  if (!Number.isNaN(retryAfter)) record.retryAfter = retryAfter
  let text = ''
  for await (const bytes of response) text += String(bytes)
  record.error = `${record.status}: ${text.slice(0, 200)}`
}

function note(data: string, at: number, record: ChatRecord): void {
  if (data === '[DONE]') return
  const chunk = JSON.parse(data) as ChatChunk
  record.error ??= errorOf(chunk)
  const content = contentOf(chunk)
  if (content !== undefined) {
    record.tics.push(at)
    record.answer += content
  }
  if (chunk.usage) noteUsage(chunk.usage, record)
}

function noteUsage(usage: NonNullable<ChatChunk['usage']>, record: ChatRecord): void {
  record.promptTokens = usage.prompt_tokens ?? 0
  record.completionTokens = usage.completion_tokens ?? 0
  record.cachedTokens = usage.prompt_tokens_details?.cached_tokens
}
