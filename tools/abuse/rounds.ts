import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startServer, type TestServer } from '../../test/support/server.ts'
import { type Sample, sampleOf } from '../soak/sample.ts'
import type { Abuse } from './abusers.ts'
import { askAtPace, capacityFor, type GoodClients, type Goodput } from './good-clients.ts'

export interface AbuseOptions {
  /** Connections of each kind. */
  readonly counts: Readonly<Partial<Record<Abuse, number>>>
  readonly rounds: number
  /** Of a turn without abuse, and of one with it. */
  readonly seconds: number
  /** What the good clients ask for, of the measured capacity. */
  readonly load: number
  /** The same, beside long answers. */
  readonly loadBesideLong: number
  readonly firstTokenMs: number
  /** What the abuser's key may do: more fields of the key file. */
  readonly abuserLimits: string
  readonly flags: readonly string[]
  readonly onTurn?: (turn: Turn) => void
}

/** One turn of one kind. */
export interface Turn {
  readonly abuse: Abuse
  readonly without: Goodput
  readonly with: Goodput
  /** In the middle of it, and when it is over and forgotten. */
  readonly during: Sample
  readonly after: Sample
}

export interface AbuseReport {
  readonly capacity: number
  readonly before: Sample
  readonly turns: readonly Turn[]
  readonly code: number | null
  /** From SIGTERM to the end of the idle server. */
  readonly drainMs: number
}

const KEYS = { good: 'sk-good-0123456789abc', bad: 'sk-bad-0123456789abcd', greedy: 'sk-greedy-0123456789a' }

/** Good clients alone, good clients beside abusers, alone, beside, for each kind of abuse. */
export async function abuseRounds(options: AbuseOptions): Promise<AbuseReport> {
  const folder = mkdtempSync(join(tmpdir(), 'altiplano-abuse-'))
  const keys = join(folder, 'keys.yaml')
  writeFileSync(
    keys,
    `keys:
  - { name: good, key: ${KEYS.good} }
  - { name: bad, key: ${KEYS.bad}${options.abuserLimits} }
  - { name: greedy, key: ${KEYS.greedy} }
`,
  )
  const abuser = fork(new URL('./abuser-process.ts', import.meta.url), { execArgv: ['--import', 'tsx'] })
  const server = await startServer([
    '--api-keys',
    keys,
    '--slots',
    '4',
    '--context-size',
    '2048',
    // Who is never over would be waited for.
    '--drain-timeout',
    '120',
    ...options.flags,
  ])
  try {
    const clients = { url: server.url, key: KEYS.good, tokens: 32, firstTokenMs: options.firstTokenMs }
    const capacity = await capacityFor(clients, 8, options.seconds)
    const turns: Turn[] = []
    await beginLongTexts(server)
    const before = await settled(server)
    for (const [abuse, count] of Object.entries(options.counts) as [Abuse, number][]) {
      const rate = capacity * (abuse === 'long' ? options.loadBesideLong : options.load)
      for (let round = 0; round < options.rounds; round++) {
        const turn = await takeTurn({ server, abuser, clients, abuse, count, rate }, options)
        turns.push(turn)
        options.onTurn?.(turn)
      }
    }
    const stoppedAt = performance.now()
    const code = await server.stop()
    return { capacity, before, turns, code, drainMs: performance.now() - stoppedAt }
  } finally {
    abuser.kill()
    await server.stop()
    rmSync(folder, { recursive: true })
  }
}

interface Scene {
  readonly server: TestServer
  readonly abuser: ChildProcess
  readonly clients: GoodClients
  readonly abuse: Abuse
  readonly count: number
  readonly rate: number
}

async function takeTurn(scene: Scene, { seconds }: AbuseOptions): Promise<Turn> {
  const { server, abuser, clients, abuse, count, rate } = scene
  const without = await askAtPace(clients, rate, seconds)
  const over = once(abuser, 'message')
  const port = Number(new URL(server.url).port)
  // They need a moment to be there, and are there to the end.
  const warmUp = 2
  // Who has no limits is held to its share.
  const key = abuse === 'long' || abuse === 'texts' ? KEYS.greedy : KEYS.bad
  abuser.send({ abuse, port, key, count, seconds: seconds + warmUp })
  await pause(1000 * warmUp)
  const [beside, during] = await Promise.all([
    askAtPace(clients, rate, seconds),
    pause(500 * seconds).then(() => sampleNow(server)),
  ])
  await over
  if (abuse === 'texts') await pause(THREAD_MS)
  return { abuse, without, with: beside, during, after: await settled(server) }
}

/** The first long text starts a process, and the first large body a thread: they are no leaks. */
async function beginLongTexts({ url }: TestServer): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${KEYS.good}` }
  const body = JSON.stringify({ prompt: 'word '.repeat(60_000) })
  const answer = await fetch(`${url}/tokenize`, { method: 'POST', headers, body })
  if (!answer.ok) throw new Error(`a long text was answered with ${answer.status}`)
  await answer.arrayBuffer()
}

/** The thread that parses large bodies ends, and gives its memory back, when it has had nothing to do for so long. */
const THREAD_MS = 12_000

const sampleNow = ({ url, process }: TestServer): Promise<Sample> => sampleOf(url, process.pid ?? 0, 0)

/** When nothing runs, and no more connections go. */
async function settled(server: TestServer): Promise<Sample> {
  const deadline = performance.now() + 60_000
  for (let last = await sampleNow(server); ; ) {
    await pause(2000)
    const sample = await sampleNow(server)
    const quiet = sample.running + sample.waiting === 0 && sample.resources >= last.resources
    if (quiet || performance.now() > deadline) return sample
    last = sample
  }
}
