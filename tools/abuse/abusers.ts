import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { closedLoop } from '../../bench/client/pace.ts'

export type Abuse = 'stalled' | 'slowloris' | 'abort' | 'pipelined' | 'long' | 'texts'

/** What is done to a server, by whom, and for how long. */
export interface Attack {
  readonly port: number
  readonly key: string
  /** Connections at a time; of `abort` and `pipelined`: all of them, one after the other. */
  readonly count: number
  readonly seconds: number
}

const LOCAL = '127.0.0.1'
/** Connections that are opened at once: a machine has only so many on their way. */
const BATCH = 50
/** 0.4 million characters that are 0.9 million tokens. */
const COSTLY_TEXT = '👩‍👩‍👧‍👦'.repeat(36_000)

/** Ends with all of its connections gone. */
export const abuses: Readonly<Record<Abuse, (attack: Attack) => Promise<void>>> = {
  stalled: (attack) => hold(attack, (socket) => socket.write(longStream(attack.key)), stopReading),
  slowloris: (attack) => hold(attack, beginSlowly(attack.key), drip),
  abort: (attack) => openAndAbort(attack, longStream(attack.key)),
  pipelined: (attack) => openAndAbort(attack, longStream(attack.key).repeat(3)),
  long: (attack) =>
    hold(
      attack,
      (socket) => socket.write(longAnswer(attack.key)),
      (socket) => socket.resume(),
    ),
  texts: askForTokens,
}

/** Keeps its connections open until the time is over; one that is cut off is opened anew. */
async function hold(
  { port, count, seconds }: Attack,
  begin: (socket: Socket) => void,
  goOn: (socket: Socket) => void,
): Promise<void> {
  const sockets = new Set<Socket>()
  let over = false
  const open = (): void => {
    const socket = connect(port, LOCAL, () => begin(socket))
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => {
      sockets.delete(socket)
      if (!over) setTimeout(open, 1000)
    })
    goOn(socket)
  }
  for (let opened = 0; opened < count; opened++) {
    open()
    if (opened % BATCH === 0) await pause(20)
  }
  await pause(1000 * seconds)
  over = true
  for (const socket of sockets) socket.destroy()
}

/** Opens, sends a request or more at once, and leaves: before it is read, while it waits, or in the middle of its answer. */
async function openAndAbort({ port, count, seconds }: Attack, requests: string): Promise<void> {
  const startedAt = performance.now()
  for (let opened = 0; opened < count; opened++) {
    const socket = connect(port, LOCAL, () => socket.write(requests))
    socket.on('error', () => undefined).resume()
    setTimeout(() => socket.destroy(), [0, 5, 50, 300][opened % 4])
    const dueMs = (1000 * seconds * opened) / count
    if (performance.now() - startedAt < dueMs) await pause(5)
  }
  await pause(500)
}

/** Has long texts read all the time, on every path that leads to the tokenizer, and does not wait when it is told to. */
async function askForTokens({ port, key, count, seconds }: Attack): Promise<void> {
  const model = 'altiplano-demo'
  const messages = [{ role: 'user', content: COSTLY_TEXT }]
  const bodies = [
    ['/tokenize', { prompt: COSTLY_TEXT, return_token_strs: true }],
    ['/v1/messages/count_tokens', { model, messages }],
    ['/tokenize', { prompt: COSTLY_TEXT }],
    ['/v1/chat/completions', { model, messages }],
  ] as const
  const requests = bodies.map(([path, body]) => ({ path, body: JSON.stringify(body) }))
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  await closedLoop(count, seconds, async (lane, turn) => {
    const { path, body } = requests[(lane + turn) % requests.length] ?? { path: '/tokenize', body: '{}' }
    const status = await new Promise<number>((resolve) => {
      const options = { host: LOCAL, port, path, method: 'POST', headers, agent: false }
      const sent = request(options, (answer) => {
        const over = (): void => resolve(answer.statusCode ?? 0)
        answer.once('close', over).resume()
      })
      sent.once('error', () => resolve(0)).end(body)
    })
    if (status !== 200) await pause(100)
  })
}

/** Two kilobytes a token. */
function longStream(key: string): string {
  return post(
    key,
    JSON.stringify({
      model: 'altiplano-demo',
      messages: [{ role: 'user', content: 'Tell me a story' }],
      max_tokens: 400,
      ignore_eos: true,
      logprobs: true,
      top_logprobs: 20,
      stream: true,
    }),
  )
}

/** As long as the context lets it be: half a minute of a slot. */
function longAnswer(key: string): string {
  const body = { model: 'altiplano-demo', prompt: 'Once', max_tokens: 1800, ignore_eos: true, stream: true }
  return post(key, JSON.stringify(body), '/v1/completions')
}

function stopReading(socket: Socket): void {
  socket.pause()
}

/** In turn: nothing, a part of the headers, a part of the body. */
function beginSlowly(key: string): (socket: Socket) => void {
  const whole = longStream(key)
  const beginnings = ['', whole.slice(0, 40), whole.slice(0, -100)]
  let turn = 0
  return (socket) => socket.write(beginnings[turn++ % beginnings.length] ?? '')
}

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write(' '), 5000)
  socket.resume().once('close', () => clearInterval(timer))
}

function post(key: string, body: string, path = '/v1/chat/completions'): string {
  const headers = [`authorization: Bearer ${key}`, 'host: a', 'content-type: application/json']
  const lines = [`POST ${path} HTTP/1.1`, ...headers, `content-length: ${body.length}`]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}
