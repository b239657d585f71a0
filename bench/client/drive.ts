import { setTimeout as pause } from 'node:timers/promises'
import type { Measurement } from '../measurement.ts'
import { seedOf } from '../workload/random.ts'
import type { Session, Workload } from '../workload/workload.ts'
import { type ChatMessage, type ChatRecord, type ChatTarget, chat } from './chat.ts'
import { wordsOf } from './words.ts'

export interface DriveOptions {
  readonly target: ChatTarget
  readonly tokensPerWord: number
  /** Hears of every request that ends. */
  readonly onEnd?: (measurement: Measurement) => void
}

interface Drive extends DriveOptions {
  /** performance.now() at the start of the workload. */
  readonly startedAt: number
  readonly measurements: Measurement[]
}

/** Runs a workload against one server, to the end of its last request. */
export async function drive(workload: Workload, options: DriveOptions): Promise<Measurement[]> {
  const state: Drive = { ...options, startedAt: performance.now(), measurements: [] }
  if (workload.streams === undefined) await openLoop(workload, state)
  else await closedLoop(workload, workload.streams, state)
  return state.measurements
}

/** Every session at its moment, however many are still running. */
async function openLoop({ sessions }: Workload, state: Drive): Promise<void> {
  const start = async (session: Session, index: number): Promise<void> => {
    await pause(Math.max(0, session.atMs - (performance.now() - state.startedAt)))
    await runSession(session, index, state)
  }
  await Promise.all(sessions.map(start))
}

async function closedLoop({ sessions }: Workload, streams: number, state: Drive): Promise<void> {
  const queue = sessions.entries()
  const stream = async (): Promise<void> => {
    for (const [index, session] of queue) await runSession(session, index, state)
  }
  await Promise.all(Array.from({ length: streams }, stream))
}

/** Ends at the first turn that fails: the next would have no answer to go on from. */
async function runSession(session: Session, index: number, state: Drive): Promise<void> {
  const { target, tokensPerWord } = state
  const messages: ChatMessage[] = systemMessages(session, tokensPerWord)
  for (const [turn, { promptTokens, outputTokens }] of session.turns.entries()) {
    const seed = seedOf(session.seed, turn)
    messages.push({ role: 'user', content: wordsOf(seed, promptTokens, tokensPerWord) })
    const record = await chat(target, messages, outputTokens, seed)
    messages.push({ role: 'assistant', content: record.answer })
    keep(record, session.group, index, turn, state)
    if (record.error !== undefined) return
  }
}

function systemMessages({ prefix }: Session, tokensPerWord: number): ChatMessage[] {
  if (prefix === undefined) return []
  return [{ role: 'system', content: wordsOf(prefix.seed, prefix.tokens, tokensPerWord) }]
}

function keep(record: ChatRecord, group: string, session: number, turn: number, state: Drive): void {
  const since = (at: number): number => Math.round(1000 * (at - state.startedAt)) / 1000
  const { sentAt, tics, endAt, answer: _, ...rest } = record
  const times = { sentAt: since(sentAt), tics: tics.map(since), endAt: since(endAt) }
  const measurement: Measurement = { group, session, turn, ...times, ...rest }
  state.measurements.push(measurement)
  state.onEnd?.(measurement)
}
