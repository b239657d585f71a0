/** One streamed chat or completion, with the time of every token kept. Times in ms on performance.now()'s clock. */
export interface Trace {
  readonly sentAt: number
  readonly tokenAt: readonly number[]
  readonly endAt: number
  readonly promptTokens: number
  readonly completionTokens: number
  readonly error: string | undefined
}

export interface Work {
  readonly prompt: string
  readonly maxTokens: number
}

/** Speaks to any OpenAI base URL; `ignore_eos` keeps every generation at its full length where the server knows it. */
export async function run(baseUrl: string, model: string, work: Work): Promise<Trace> {
  const sentAt = performance.now()
  const tokenAt: number[] = []
  let usage = { prompt_tokens: 0, completion_tokens: 0 }
  let error: string | undefined
  const response = await fetch(`${baseUrl}/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      prompt: work.prompt,
      max_tokens: work.maxTokens,
      temperature: 0.8,
      top_k: 40,
      ignore_eos: true,
      stream: true,
      stream_options: { include_usage: true },
    }),
  })
  if (!response.ok || response.body === null)
    error = `${response.status}: ${(await response.text()).slice(0, 200)}`
  else {
    for await (const data of events(response.body)) {
      if (data === '[DONE]') break
      const chunk = JSON.parse(data) as {
        choices?: { text?: string }[]
        usage?: typeof usage
        error?: { message: string }
      }
      if (chunk.error) error = chunk.error.message
      if (chunk.choices?.[0]?.text) tokenAt.push(performance.now())
      if (chunk.usage) usage = chunk.usage
    }
  }
  return {
    sentAt,
    tokenAt,
    endAt: performance.now(),
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
    error,
  }
}

async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true })
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const event = text.slice(0, end)
      text = text.slice(end + 2)
      if (event.startsWith('data: ')) yield event.slice(6)
    }
  }
}
