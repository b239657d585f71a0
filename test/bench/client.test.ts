import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { type ChatRecord, type ChatTarget, chat } from '../../bench/client/chat.ts'
import { contentOf } from '../../bench/client/chat-chunk.ts'
import { drive } from '../../bench/client/drive.ts'
import { EventReader } from '../../bench/client/server-sent-events.ts'
import type { Measurement } from '../../bench/measurement.ts'
import { parseOptions } from '../../bench/options.ts'
import { measure } from '../../bench/rounds.ts'
import type { BenchServer } from '../../bench/servers/server.ts'
import type { Session, Workload } from '../../bench/workload/workload.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function serve(listener: RequestListener): Promise<ChatTarget> {
  server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { baseUrl: `http://127.0.0.1:${port}/v1`, model: 'm', timeoutMs: 5000 }
}

interface Asked {
  readonly messages: readonly { readonly role: string; readonly content: string }[]
  readonly max_tokens: number
  readonly [field: string]: unknown
}

const wordsIn = ({ messages }: Asked): number =>
  messages.flatMap(({ content }) => content.trim().split(/\s+/)).length

/** Answers as an OpenAI server does: a role, a chunk for each token, a finish, usage. */
const answering =
  (asked: Asked[], delayMs = 0): RequestListener =>
  async (request, response) => {
    let text = ''
    for await (const bytes of request) text += String(bytes)
    const body = JSON.parse(text) as Asked
    asked.push(body)
    const send = (chunk: object): boolean => response.write(`data: ${JSON.stringify(chunk)}\n\n`)
    const delta = (content: object, finish_reason: string | null = null) =>
      send({ choices: [{ delta: content, finish_reason }] })
    delta({ role: 'assistant', content: '' })
    for (let token = 0; token < body.max_tokens; token++) {
      await pause(delayMs)
      delta({ content: token === 1 ? '' : ` t${token}` })
    }
    delta({}, 'length')
    const details = { prompt_tokens_details: { cached_tokens: 3 } }
    send({
      choices: [],
      usage: { prompt_tokens: 8 + wordsIn(body), completion_tokens: body.max_tokens, ...details },
    })
    response.end('data: [DONE]\n\n')
  }

const hello = [{ role: 'user', content: 'hello' }] as const
const ask = (target: ChatTarget): Promise<ChatRecord> => chat(target, hello, 4, 1)

describe('EventReader', () => {
  it('EventReader joins events across packets, and drops comments', () => {
    const stream = ': hi\n\ndata: {"a":"é"}\n\ndata: one\r\n\r\ndata:two\ndata: three\n\nevent: x\n\n'
    const bytes = new TextEncoder().encode(stream)
    for (const size of [1, 2, 3, 1000]) {
      const reader = new EventReader()
      const events: string[] = []
      for (let at = 0; at < bytes.length; at += size)
        events.push(...reader.push(bytes.subarray(at, at + size)))
      expect(events).toEqual(['{"a":"é"}', 'one', 'two\nthree'])
    }
  })
})

describe('contentOf', () => {
  const of = (delta: object, finish_reason: string | null = null) =>
    contentOf({ choices: [{ delta, finish_reason }] })

  it('contentOf counts an empty token, and no role or finish', () => {
    expect(of({ content: 'x' })).toBe('x')
    expect(of({ content: '' })).toBe('')
    expect(of({ role: 'assistant', content: 'x' })).toBe('x')
    expect(of({ reasoning_content: 'x', content: null })).toBe('x')
    expect(of({ role: 'assistant', content: '' })).toBeUndefined()
    expect(of({ role: 'assistant', content: null })).toBeUndefined()
    expect(of({ content: '' }, 'length')).toBeUndefined()
    expect(of({}, 'length')).toBeUndefined()
    expect(contentOf({ choices: [] })).toBeUndefined()
  })
})

describe('chat', () => {
  // Tokens that a full machine holds up come together: one undisturbed try of four is wanted.
  it('chat records the time of every token and the usage', { retry: 3 }, async () => {
    const asked: Asked[] = []
    const record = await ask(await serve(answering(asked, 20)))
    expect(record).toMatchObject({ status: 200, error: undefined, answer: ' t0 t2 t3' })
    expect(record).toMatchObject({ promptTokens: 9, cachedTokens: 3, completionTokens: 4 })
    expect(record.tics).toHaveLength(4)
    const times = [record.sentAt, ...record.tics, record.endAt]
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect((record.tics[3] ?? 0) - (record.tics[0] ?? 0)).toBeGreaterThan(50)
    const wanted = { max_tokens: 4, ignore_eos: true, stream: true, stream_options: { include_usage: true } }
    expect(asked[0]).toMatchObject(wanted)
  })

  it('chat records a refusal with its retry-after', async () => {
    const target = await serve((_, response) =>
      response.writeHead(503, { 'retry-after': '7' }).end('{"error":1}'),
    )
    expect(await ask(target)).toMatchObject({
      status: 503,
      retryAfter: 7,
      error: '503: {"error":1}',
      tics: [],
    })
  })

  it('chat records an error inside a stream, a broken stream and a silent one', async () => {
    const failing = await serve((_, response) => response.end('data: {"error":{"message":"lost"}}\n\n'))
    expect(await ask(failing)).toMatchObject({ status: 200, error: 'lost' })
    server?.close()
    const breaking = await serve((_, response) => {
      response.write('data: {}\n\n', () => response.destroy())
    })
    expect((await ask(breaking)).error).toMatch(/aborted/)
    server?.close()
    const silent = await serve(() => {})
    expect((await ask({ ...silent, timeoutMs: 50 })).error).toMatch(/abort|timeout/i)
  })

  it('chat records an answer with too few tokens as an error', async () => {
    const usage = JSON.stringify({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } })
    const target = await serve((_, response) => response.end(`data: ${usage}\n\ndata: [DONE]\n\n`))
    expect((await ask(target)).error).toBe('2 of 4 tokens')
  })
})

describe('drive', () => {
  const session = (more: Partial<Session> = {}): Session => ({
    group: 'all',
    seed: 1,
    atMs: 0,
    prefix: undefined,
    turns: [{ promptTokens: 2, outputTokens: 2 }],
    ...more,
  })
  const workload = (streams: number | undefined, sessions: Session[]): Workload => ({
    name: 'w',
    description: '',
    streams,
    sessions,
  })
  const run = (plan: Workload, target: ChatTarget): Promise<Measurement[]> =>
    drive(plan, { target, tokensPerWord: 1 })
  /** The most that were running at one time. */
  const concurrency = (all: readonly Measurement[]): number =>
    Math.max(
      ...all.map(({ sentAt }) => all.filter((one) => one.sentAt <= sentAt && one.endAt > sentAt).length),
    )

  it('drive keeps as many requests running in a closed loop as it has streams', async () => {
    const target = await serve(answering([], 10))
    const all = await run(
      workload(
        3,
        Array.from({ length: 9 }, () => session()),
      ),
      target,
    )
    expect(all).toHaveLength(9)
    expect(concurrency(all)).toBe(3)
  })

  it('drive sends each request on time in an open loop, whatever still runs', async () => {
    const target = await serve(answering([], 150))
    const all = await run(
      workload(undefined, [session({ atMs: 80 }), session(), session({ atMs: 40 })]),
      target,
    )
    expect(concurrency(all)).toBe(3)
    const late = all.map(({ session: index, sentAt }) => sentAt - ([80, 0, 40][index] ?? 0))
    expect(Math.min(...late)).toBeGreaterThan(-2)
    expect(Math.max(...late)).toBeLessThan(150)
  })

  it('drive sends the system prompt and, in later turns, the conversation so far', async () => {
    const asked: Asked[] = []
    const turns = Array.from({ length: 2 }, () => ({ promptTokens: 2, outputTokens: 3 }))
    const prefix = { seed: 5, tokens: 4 }
    await run(workload(1, [session({ turns, prefix })]), await serve(answering(asked)))
    const [first, second] = asked.map(({ messages }) => messages)
    expect(first?.map(({ role }) => role)).toEqual(['system', 'user'])
    expect(second?.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user'])
    expect(second?.slice(0, 2)).toEqual(first)
    expect(second?.[2]?.content).toBe(' t0 t2')
    expect(second?.[3]?.content).not.toBe(first?.[1]?.content)
  })

  it('drive ends a conversation at the turn that fails', async () => {
    const turns = Array.from({ length: 3 }, () => ({ promptTokens: 2, outputTokens: 3 }))
    const target = await serve((_, response) => response.writeHead(503).end())
    expect(await run(workload(1, [session({ turns })]), target)).toHaveLength(1)
  })
})

describe('measure', () => {
  it('measure alternates servers in every round, with equal prompts within and new ones between rounds', async () => {
    const asked: Asked[] = []
    const target = await serve(answering(asked))
    const named = (name: string): BenchServer => ({
      name,
      target: { ...target, model: name },
      stats: () => ({}),
      stop: async () => {},
    })
    const options = parseOptions(['--scenarios=streams', '--streams=1', '--scale=0.25', '--rounds=2'])
    const order: string[] = []
    const twoServers = [named('a'), named('b')]
    for await (const { server, round } of measure(options, twoServers)) order.push(`${server}${round}`)
    expect(order).toEqual(['a0', 'b0', 'a1', 'b1'])
    // After two requests for each server that warm it up.
    const prompts = asked.slice(4).map(({ messages }) => messages[0]?.content)
    expect([prompts[0], prompts[2]]).toEqual([prompts[1], prompts[3]])
    expect(prompts[0]).not.toBe(prompts[2])
  })
})
