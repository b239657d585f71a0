import { setTimeout as pause } from 'node:timers/promises'
import { type ChatRecord, chat } from '../../bench/client/chat.ts'

export interface StreamLoad {
  readonly url: string
  /** Of each answer: it has exactly so many. */
  readonly tokens: number
}

/** One streamed answer; what is wrong with it, if anything is, is its `error`. */
export function stream({ url, tokens }: StreamLoad, seed: number): Promise<ChatRecord> {
  const target = { baseUrl: `${url}/v1`, model: 'altiplano-demo', timeoutMs: 60_000 }
  return chat(target, [{ role: 'user', content: `Tell me story number ${seed}.` }], tokens, seed)
}

/** Streams that end in a second when `atOnce` run all the time. */
export async function capacityOf(load: StreamLoad, atOnce: number, seconds: number): Promise<number> {
  let ended = 0
  const startedAt = performance.now()
  const busy = async (lane: number): Promise<void> => {
    for (let turn = 0; performance.now() - startedAt < 1000 * seconds; turn++) {
      await stream(load, 1000 * lane + turn)
      ended++
    }
  }
  await Promise.all(Array.from({ length: atOnce }, (_, lane) => busy(lane)))
  return (1000 * ended) / (performance.now() - startedAt)
}

/** Streams at a pace, however many of them run, until the signal. Resolves, when the last one has ended, to all of them. */
export async function openLoop(load: StreamLoad, rate: number, signal: AbortSignal): Promise<ChatRecord[]> {
  const streams: Promise<ChatRecord>[] = []
  const startedAt = performance.now()
  while (!signal.aborted) {
    const due = ((performance.now() - startedAt) / 1000) * rate
    while (streams.length < due) streams.push(stream(load, streams.length))
    await pause(10)
  }
  return Promise.all(streams)
}
