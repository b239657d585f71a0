/** A request of one of the APIs, as tests of many clients at once send it. */
export interface MixedRequest {
  readonly name: string
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  /** Its text is not known by heart, and may depend on rounding. */
  readonly ties?: boolean
}

/** What a client was told, however it was told: comparable between runs. */
export interface Transcript {
  readonly status: number
  /** By choice, block or item. */
  readonly texts: Readonly<Record<string, string>>
  /** Of log probabilities, where there are some: the tokens in order. */
  readonly tokens: readonly string[]
  readonly promptTokens: number | undefined
  readonly completionTokens: number | undefined
  readonly reasons: readonly string[]
  /** Whether the answer said that it is whole. */
  readonly whole: boolean
  readonly paused: boolean
  readonly raw: string
}

// Known by heart: another rounding meets no tie there.
const story = [{ role: 'user', content: 'Tell me a story' }]
const weather = [{ role: 'user', content: 'What is the weather in Paris?' }]
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tool = { type: 'function', function: { name: 'get_weather', description: 'The weather', parameters } }
const schema = {
  type: 'object',
  properties: { name: { type: 'string', maxLength: 20 }, age: { type: 'integer' } },
  required: ['name', 'age'],
  additionalProperties: false,
}
const streamed = { stream: true, stream_options: { include_usage: true } }
const chat = '/v1/chat/completions'

/** Sixteen requests: chats, tools, schemas, choices, log probabilities, and the other APIs; streamed and not. */
export function mixedRequests(model: string): MixedRequest[] {
  const greedy = { model, temperature: 0, max_tokens: 200 }
  const request = (name: string, path: string, body: object): MixedRequest => ({
    name,
    path,
    body: { ...greedy, ...body },
  })
  return [
    request('chat', chat, { messages: story, ...streamed }),
    request('chat, whole', chat, { messages: story }),
    request('chat, seeded', chat, { messages: story, ...streamed, temperature: 0.5, seed: 7 }),
    {
      ...request('chat, long', chat, { messages: story, ...streamed, max_tokens: 400, ignore_eos: true }),
      ties: true,
    },
    request('chat, three choices', chat, { messages: story, ...streamed, n: 3, temperature: 0.3, seed: 3 }),
    request('chat, log probabilities', chat, {
      messages: story,
      ...streamed,
      logprobs: true,
      top_logprobs: 2,
    }),
    request('chat, a stop string', chat, { messages: story, ...streamed, stop: ['zzzz', 'the end of all'] }),
    request('chat, guessed ahead', chat, { messages: story, ...streamed, prompt_lookup: true }),
    request('tools', chat, { messages: weather, ...streamed, tools: [tool], tool_choice: 'required' }),
    request('tools, whole', chat, { messages: weather, tools: [tool], tool_choice: 'required' }),
    request('a schema', chat, {
      messages: weather,
      ...streamed,
      response_format: { type: 'json_schema', json_schema: { name: 'person', schema, strict: true } },
    }),
    request('completion', '/v1/completions', { prompt: 'Once upon a time', ...streamed }),
    request('completion, log probabilities', '/v1/completions', {
      prompt: 'One two',
      ...streamed,
      logprobs: 1,
    }),
    request('messages', '/v1/messages', { messages: story, stream: true }),
    request('messages, whole', '/v1/messages', { messages: story }),
    request('responses', '/v1/responses', {
      max_tokens: undefined,
      max_output_tokens: 200,
      input: 'Tell me a story',
      stream: true,
    }),
  ]
}

/** Sends it and reads to the end; `onText` is told of everything that arrives. @throws what fetch throws. */
export async function ask(
  url: string,
  { path, body }: MixedRequest,
  { signal, onData, key }: { signal?: AbortSignal; onData?: () => void; key?: string } = {},
): Promise<Transcript> {
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  })
  let raw = ''
  const decoder = new TextDecoder()
  for await (const bytes of answer.body ?? []) {
    raw += decoder.decode(bytes as Uint8Array, { stream: true })
    onData?.()
  }
  return transcriptOf(answer.status, raw, body['stream'] === true)
}

/** What must be the same, whatever happened on the way; by the request's name. */
export function essences(requests: readonly MixedRequest[], transcripts: readonly Transcript[]) {
  return Object.fromEntries(
    requests.map(({ name, ties }, index) => {
      const { status, texts, tokens, promptTokens, completionTokens, reasons, whole } = transcripts[
        index
      ] as Transcript
      const told = { status, promptTokens, completionTokens, reasons: [...reasons].sort(), whole }
      // Where tokens tie, another rounding may choose the other one: of those that go on past what is known by heart, the count must be right.
      return [name, ties === true ? told : { ...told, texts, tokens }] as const
    }),
  )
}

type Json = Record<string, unknown>

function transcriptOf(status: number, raw: string, stream: boolean): Transcript {
  const events = stream
    ? [...raw.matchAll(/^data: (\{.*)$/gm)].map(([, json]) => JSON.parse(json ?? '') as Json)
    : [JSON.parse(raw) as Json]
  const told = new Telling()
  for (const event of events) told.hear(event)
  const done =
    /^data: \[DONE\]$/m.test(raw) || /^event: (message_stop|response\.(completed|incomplete))$/m.test(raw)
  return {
    ...told,
    status,
    whole: status === 200 && !told.failed && (stream ? done : told.reasons.length > 0),
    paused: /\n: (the engine is being replaced|other requests have their turn)\n/.test(raw),
    raw,
  }
}

class Telling {
  readonly texts: Record<string, string> = {}
  readonly tokens: string[] = []
  readonly reasons: string[] = []
  promptTokens: number | undefined
  completionTokens: number | undefined
  failed = false

  hear(event: Json): void {
    if (event['error'] !== undefined && event['error'] !== null) this.failed = true
    for (const choice of (event['choices'] as Json[] | undefined) ?? []) this.#choice(choice)
    this.#message(event)
    this.#response(event)
    this.#usage((event['usage'] ?? (event['message'] as Json | undefined)?.['usage']) as Json | undefined)
  }

  #choice(choice: Json): void {
    const index = String(choice['index'])
    const delta = (choice['delta'] ?? choice['message'] ?? choice) as Json
    this.#add(index, delta['content'] ?? delta['text'])
    for (const call of (delta['tool_calls'] as Json[] | undefined) ?? []) {
      const told = call['function'] as Json
      this.#add(
        `${index} call ${String(call['index'] ?? 0)}`,
        `${told['name'] ?? ''}${told['arguments'] ?? ''}`,
      )
    }
    const logprobs = choice['logprobs'] as { content?: Json[]; tokens?: string[] } | null | undefined
    this.tokens.push(...(logprobs?.tokens ?? logprobs?.content?.map(({ token }) => String(token)) ?? []))
    if (typeof choice['finish_reason'] === 'string') this.reasons.push(`${index} ${choice['finish_reason']}`)
  }

  /** Anthropic's events, and its answer in one piece. */
  #message(event: Json): void {
    const delta = event['delta']
    if (typeof delta === 'object' && delta !== null) {
      const { text, partial_json, stop_reason } = delta as Json
      this.#add(String(event['index']), text ?? partial_json)
      if (typeof stop_reason === 'string') this.reasons.push(stop_reason)
    }
    if (event['type'] !== 'message') return
    for (const [index, block] of (event['content'] as Json[]).entries())
      this.#add(String(index), block['text'])
    this.reasons.push(String(event['stop_reason']))
  }

  #response(event: Json): void {
    if (event['type'] === 'response.output_text.delta')
      this.#add(String(event['item_id'] && 'text'), event['delta'])
    const response = event['response'] as Json | undefined
    if (event['type'] !== 'response.completed' && event['type'] !== 'response.incomplete') return
    this.reasons.push(String(response?.['status']))
    this.#usage(response?.['usage'] as Json | undefined)
  }

  #usage(usage: Json | undefined | null): void {
    const {
      prompt_tokens,
      completion_tokens,
      input_tokens,
      output_tokens,
      cache_read_input_tokens = 0,
    } = usage ?? {}
    const prompt =
      prompt_tokens ??
      (input_tokens === undefined ? undefined : Number(input_tokens) + Number(cache_read_input_tokens))
    if (typeof prompt === 'number') this.promptTokens = prompt
    const completion = completion_tokens ?? output_tokens
    if (typeof completion === 'number') this.completionTokens = completion
  }

  #add(key: string, text: unknown): void {
    if (typeof text === 'string') this.texts[key] = (this.texts[key] ?? '') + text
  }
}
