import { type IncomingMessage, request } from 'node:http'
import { capacityOf, openLoop } from '../../bench/client/pace.ts'

export interface GoodClients {
  readonly url: string
  readonly key: string
  /** Of each answer. */
  readonly tokens: number
  /** An answer whose first token comes later is not a good one. */
  readonly firstTokenMs: number
}

/** Answers that were asked for, and those that were good: whole, and begun in time. */
export interface Goodput {
  readonly asked: number
  readonly good: number
  readonly firstTokenMs: readonly number[]
  /** What was wrong with the others. */
  readonly faults: readonly string[]
}

interface Outcome {
  readonly firstTokenMs: number
  readonly fault: string | undefined
}

/** Asks at a pace, whatever comes of it, and waits for the last answer. */
export async function askAtPace(clients: GoodClients, rate: number, seconds: number): Promise<Goodput> {
  const outcomes = await openLoop(
    rate,
    (passed) => passed < seconds,
    () => ask(clients),
  )
  const faults = outcomes.flatMap(({ fault }) => fault ?? [])
  return {
    asked: outcomes.length,
    good: outcomes.length - faults.length,
    firstTokenMs: outcomes.map(({ firstTokenMs }) => firstTokenMs).filter(Number.isFinite),
    faults,
  }
}

/** Answers a second when so many are always asked for. */
export function capacityFor(clients: GoodClients, atOnce: number, seconds: number): Promise<number> {
  return capacityOf(atOnce, seconds, () => ask(clients))
}

/** Never rejects. */
async function ask({ url, key, tokens, firstTokenMs: limitMs }: GoodClients): Promise<Outcome> {
  const askedAt = performance.now()
  let firstTokenMs = Number.POSITIVE_INFINITY
  let text = ''
  try {
    const answer = await post(`${url}/v1/chat/completions`, key, {
      model: 'altiplano-demo',
      messages: [{ role: 'user', content: 'Hi' }],
      max_tokens: tokens,
      ignore_eos: true,
      stream: true,
    })
    for await (const bytes of answer) {
      text += String(bytes)
      if (firstTokenMs === Number.POSITIVE_INFINITY && /"content":"[^"]/.test(text))
        firstTokenMs = performance.now() - askedAt
    }
    if (answer.statusCode !== 200) {
      const code = /"code":\s*"(\w+)"/.exec(text)?.[1] ?? ''
      return { firstTokenMs: Number.POSITIVE_INFINITY, fault: `${answer.statusCode} ${code}` }
    }
  } catch (error) {
    return { firstTokenMs, fault: error instanceof Error ? error.message : String(error) }
  }
  if (!text.endsWith('data: [DONE]\n\n')) return { firstTokenMs, fault: `ends with ${text.slice(-100)}` }
  return { firstTokenMs, fault: firstTokenMs > limitMs ? 'late' : undefined }
}

/** On a connection of its own, which is gone afterwards. */
function post(url: string, key: string, body: object): Promise<IncomingMessage> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers, agent: false }, resolve)
    sent.setTimeout(60_000, () => sent.destroy(new Error('nothing for a minute')))
    sent.once('error', reject).end(JSON.stringify(body))
  })
}
