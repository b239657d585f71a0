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
