import { Agent, request } from 'node:http'

/** How one request ended. */
export interface Outcome {
  /** 0: no answer; what went wrong is the error. */
  readonly status: number
  readonly error: string | undefined
  /** From sending to the end. */
  readonly ms: number
  /** From sending to the first event with content. */
  readonly firstMs: number | undefined
  /** performance.now() of its end. */
  readonly endedAt: number
  readonly retryAfterMs: number | undefined
  readonly ended: boolean
}

/** The first chunk has an empty content. */
const CONTENT = /"content":"[^"]/
const HUNG_AFTER_MS = 280_000
const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY })
const body = JSON.stringify({
  model: 'altiplano-demo',
  messages: [{ role: 'user', content: 'Tell me a story' }],
  max_tokens: 32,
  ignore_eos: true,
  stream: true,
})

/** One streamed chat of 32 tokens. Never rejects. */
export function ask(url: string): Promise<Outcome> {
  const startedAt = performance.now()
  let firstMs: number | undefined
  return new Promise((resolve) => {
    const end = (status: number, more: Partial<Outcome> = {}): void =>
      resolve({
        status,
        error: undefined,
        retryAfterMs: undefined,
        ended: false,
        ms: performance.now() - startedAt,
        firstMs,
        endedAt: performance.now(),
        ...more,
      })
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    const sent = request(`${url}/v1/chat/completions`, { method: 'POST', agent, headers }, (answer) => {
      let text = ''
      answer.on('data', (chunk: Buffer) => {
        text = text.slice(-100) + chunk.toString()
        if (CONTENT.test(text)) firstMs ??= performance.now() - startedAt
      })
      answer.on('error', (error) => end(0, { error: error.message }))
      answer.on('end', () => {
        const retryAfter = answer.headers['retry-after-ms']
        end(answer.statusCode ?? 0, {
          retryAfterMs: retryAfter === undefined ? undefined : Number(retryAfter),
          ended: text.trimEnd().endsWith('data: [DONE]'),
        })
      })
    })
    sent.setTimeout(HUNG_AFTER_MS, () => sent.destroy(new Error('hung')))
    sent.on('error', (error) => end(0, { error: error.message }))
    sent.end(body)
  })
}
