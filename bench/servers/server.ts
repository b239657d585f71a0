import { type ChatTarget, chat } from '../client/chat.ts'
import { wordsOf } from '../client/words.ts'

/** A server under test. */
export interface BenchServer {
  readonly name: string
  readonly target: ChatTarget
  /** Numbers that only a server on this machine can give: by name, with the unit in it. */
  readonly stats: () => Readonly<Record<string, number>>
  readonly stop: () => Promise<void>
}

/** A server that somebody else started. @throws Error when it lists no model. */
export async function connect(name: string, baseUrl: string, timeoutMs: number): Promise<BenchServer> {
  const target = { baseUrl, model: await firstModel(baseUrl), timeoutMs }
  return { name, target, stats: () => ({}), stop: async () => {} }
}

export async function firstModel(baseUrl: string): Promise<string> {
  const response = await fetch(`${baseUrl}/models`).catch((cause: unknown) => {
    throw new Error(`nothing answers at ${baseUrl}`, { cause })
  })
  const { data } = (await response.json()) as { data?: { id: string }[] }
  const model = data?.[0]?.id
  if (model === undefined) throw new Error(`${baseUrl}/models lists no model`)
  return model
}

/** How many tokens a word of the bench's prompts is for this model; warms the server up on the way. */
export async function tokensPerWord(target: ChatTarget): Promise<number> {
  const lengthOf = async (words: number): Promise<number> => {
    const messages = [{ role: 'user', content: wordsOf(words, words, 1) }] as const
    const { error, promptTokens } = await chat(target, messages, 8, 1)
    if (error !== undefined) throw new Error(`${target.baseUrl} does not answer: ${error}`)
    return promptTokens
  }
  const perWord = ((await lengthOf(264)) - (await lengthOf(8))) / 256
  if (!(perWord > 0)) throw new Error(`${target.baseUrl} does not count prompt tokens in its usage`)
  return perWord
}
