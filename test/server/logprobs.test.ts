import type OpenAI from 'openai'
import type { ChatCompletionTool } from 'openai/resources/chat/completions'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { complete as askCompletion, type OpenAiServer, startOpenAi } from '../support/openai.ts'
import { expectSame, GAP, toldInChat } from '../support/same-text.ts'

let server: OpenAiServer
let client: OpenAI
let model: string

beforeAll(async () => {
  server = await startOpenAi(['--slots', '4', '--context-size', '512'])
  client = server.client
  model = server.model
})
afterAll(() => server.stop())

const messages = [{ role: 'user' as const, content: 'What is the capital of France?' }]
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tools: ChatCompletionTool[] = [
  { type: 'function', function: { name: 'get_weather', description: 'Get the weather', parameters } },
]

type TokenLogprob = OpenAI.ChatCompletionTokenLogprob
interface Legacy {
  readonly tokens: string[]
  readonly token_logprobs: (number | null)[]
  readonly top_logprobs: (Record<string, number> | null)[]
  readonly text_offset: number[]
}
interface Completion {
  readonly choices: { index: number; text: string; finish_reason: string; logprobs: Legacy | null }[]
  readonly usage: { prompt_tokens: number; completion_tokens: number }
}

const complete = (fields: object): Promise<Completion> =>
  askCompletion<Completion>(server, { temperature: 0, ...fields })

/** The text of tokens without an unfinished character at its end, which the content is not told either. */
const textOf = (tokens: readonly TokenLogprob[]): string =>
  new TextDecoder().decode(Uint8Array.from(tokens.flatMap(({ bytes }) => bytes ?? [])), { stream: true })
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)

describe('chat completions with logprobs', () => {
  const request = { model, messages, max_tokens: 12, temperature: 0, logprobs: true }

  it('chat log probabilities have each token of the content, and the most probable ones', async () => {
    const { choices } = await client.chat.completions.create({ ...request, model, top_logprobs: 20 })
    const content = choices[0]?.logprobs?.content ?? []
    expect(textOf(content)).toBe(choices[0]?.message.content)
    for (const { token, logprob, top_logprobs } of content) {
      expect(top_logprobs).toHaveLength(20)
      expect(top_logprobs[0]).toMatchObject({ token, logprob })
      const ranked = top_logprobs.map((one) => one.logprob)
      expect(ranked).toEqual(ranked.toSorted((a, b) => b - a))
      const mass = sum(ranked.map(Math.exp))
      expect(mass).toBeGreaterThan(0.01)
      expect(mass).toBeLessThan(1.001)
    }
  })

  it('chat log probabilities are the same in a stream, each with the text of its token', async () => {
    const whole = await client.chat.completions.create({ ...request, model, top_logprobs: 2 })
    const stream = await client.chat.completions.create({ ...request, model, top_logprobs: 2, stream: true })
    const streamed: TokenLogprob[] = []
    for await (const chunk of stream) {
      const told = chunk.choices[0]?.logprobs?.content ?? []
      expect(textOf(told)).toBe(chunk.choices[0]?.delta.content ?? '')
      streamed.push(...told)
    }
    const expected = whole.choices[0]?.logprobs?.content ?? []
    expect(streamed.map(({ token }) => token)).toEqual(expected.map(({ token }) => token))
    for (const [index, { logprob }] of streamed.entries())
      expect(Math.abs(logprob - (expected[index]?.logprob ?? Number.NaN))).toBeLessThan(GAP)
  })

  it('log probabilities are reported for each of n choices, and no alternatives without top_logprobs', async () => {
    const { choices } = await client.chat.completions.create({ ...request, model, n: 3, temperature: 2 })
    for (const { logprobs, message } of choices) {
      expect(textOf(logprobs?.content ?? [])).toBe(message.content ?? '')
      expect(logprobs?.content?.every(({ top_logprobs }) => top_logprobs.length === 0)).toBe(true)
    }
  })

  it('log probabilities do not change with temperature, top_p, logit_bias or penalties', async () => {
    const first = async (fields: object): Promise<TokenLogprob | undefined> => {
      const body = { ...request, model, top_logprobs: 20, max_tokens: 1, ...fields }
      return (await client.chat.completions.create(body)).choices[0]?.logprobs?.content?.[0]
    }
    const plain = await first({})
    const banned = { temperature: 1.9, top_p: 0.3, frequency_penalty: 2, logit_bias: { 70: -100 } }
    const other = await first(banned)
    if (plain === undefined || other === undefined) throw new Error('nothing was told')
    expect(other.top_logprobs).toHaveLength(20)
    expectSame([{ ...toldInChat([other]), chance: true }], [toldInChat([plain])])
  })

  it.each([false, true])('log probabilities leave tool calls out (stream: %s)', async (stream) => {
    const asked = [{ role: 'user' as const, content: 'What is the weather in Paris?' }]
    const body = { ...request, model, messages: asked, max_tokens: 100, tools }
    if (!stream) {
      const { choices } = await client.chat.completions.create(body)
      expect(choices[0]?.finish_reason).toBe('tool_calls')
      expect(textOf(choices[0]?.logprobs?.content ?? [])).toBe(choices[0]?.message.content ?? '')
      return
    }
    let calls = 0
    for await (const { choices } of await client.chat.completions.create({ ...body, stream: true })) {
      calls += choices[0]?.delta.tool_calls?.length ?? 0
      expect(textOf(choices[0]?.logprobs?.content ?? [])).toBe(choices[0]?.delta.content ?? '')
    }
    expect(calls).toBeGreaterThan(0)
  })

  it('log probabilities are those of the content where a thought comes before it', async () => {
    const chat_template_kwargs = { enable_thinking: true }
    const body = { ...request, model, max_tokens: 200, ...{ chat_template_kwargs } }
    const { choices, usage } = await client.chat.completions.create(body)
    expect(usage?.completion_tokens_details?.reasoning_tokens).toBeGreaterThan(0)
    expect(choices[0]?.message.content).not.toBe('')
    expect(textOf(choices[0]?.logprobs?.content ?? [])).toBe(choices[0]?.message.content)
  })

  it('log probabilities are null where the request has none', async () => {
    const { choices } = await client.chat.completions.create({ model, messages, max_tokens: 2 })
    expect(choices[0]?.logprobs).toBeNull()
  })
})

/** A prompt of token ids, and another one with the same beginning. */
const ids = [52, 70, 81, 300, 301, 90, 77, 400, 66]
const others = [52, 70, 81, 300, 77]
/** The built-in model's end of generation. */
const END = 2043

describe('completions with logprobs', () => {
  it('the log probabilities of a prompt equal those of its tokens when each is the next one', async () => {
    const { choices, usage } = await complete({ prompt: ids, max_tokens: 1, echo: true, logprobs: 20 })
    const told = choices[0]?.logprobs
    expect([told?.tokens.length, usage.prompt_tokens]).toEqual([ids.length + 1, ids.length])
    expect([told?.token_logprobs[0], told?.top_logprobs[0]]).toEqual([null, null])
    for (let length = 1; length < ids.length; length++) {
      const logit_bias = { [ids[length] ?? -1]: 100 }
      const next = await complete({ prompt: ids.slice(0, length), max_tokens: 1, logprobs: 1, logit_bias })
      const alone = next.choices[0]?.logprobs
      expect(alone?.tokens[0]).toBe(told?.tokens[length])
      const apart = Number(alone?.token_logprobs[0]) - Number(told?.token_logprobs[length])
      expect(Math.abs(apart)).toBeLessThan(GAP)
    }
  })

  // lm-evaluation-harness: what `local-completions` sends for a log-likelihood, and how it reads the answer.
  it('lm-eval compares continuations with prompts of token ids, echo and one dropped token', async () => {
    const asked = { prompt: [ids, others], max_tokens: 1, logprobs: 1, echo: true, seed: 1234 }
    const likelihoods = (answer: Completion, context: number) =>
      answer.choices
        .toSorted((a, b) => a.index - b.index)
        .map(({ logprobs }) => {
          const own = logprobs?.token_logprobs.slice(context, -1) as number[]
          const best = logprobs?.top_logprobs.slice(context, -1) ?? []
          const greedy = own.every((one, index) => one === Math.max(...Object.values(best[index] ?? {})))
          return { tokens: own.length, sum: sum(own), greedy }
        })
    const both = likelihoods(await complete(asked), 3)
    expect(both.map(({ tokens }) => tokens)).toEqual([ids.length - 3, others.length - 3])
    for (const [index, prompt] of [ids, others].entries()) {
      const [alone] = likelihoods(await complete({ ...asked, prompt: [prompt] }), 3)
      const { sum: expected, tokens } = both[index] ?? { sum: Number.NaN, tokens: 0 }
      expect(Math.abs(Number(alone?.sum) - expected)).toBeLessThan(tokens * GAP)
    }
    // What the model itself goes on with is greedy, its end included; something else is not.
    expect(both.map(({ greedy }) => greedy)).toEqual([false, false])
    const prompt = 'What is the capital of France?'
    const { choices } = await complete({ prompt, max_tokens: 6 })
    const continued = await complete({ ...asked, prompt: prompt + choices[0]?.text })
    const start = continued.choices[0]?.logprobs?.text_offset.findIndex((at) => at >= prompt.length) ?? 0
    expect(likelihoods(continued, start)[0]?.greedy).toBe(true)
  })

  it('the token that ends an answer has an entry, so lists are as long as usage counts', async () => {
    const [echoed] = (
      await complete({ prompt: ids, max_tokens: 1, logprobs: 0, echo: true, logit_bias: { [END]: 100 } })
    ).choices
    expect(echoed?.finish_reason).toBe('stop')
    expect(echoed?.logprobs?.tokens).toHaveLength(ids.length + 1)
    expect(echoed?.logprobs?.tokens.at(-1)).toBe('<|im_end|>')
    // The bias is not of the model.
    expect(echoed?.logprobs?.token_logprobs.at(-1)).toBeLessThan(-0.1)
    const many = await complete({ prompt: ids, max_tokens: 40, logprobs: 0, temperature: 1.5, n: 4 })
    expect(sum(many.choices.map(({ logprobs }) => logprobs?.tokens.length ?? 0))).toBe(
      many.usage.completion_tokens,
    )
  })

  it.each([true, false])('log probabilities have the text offset of each token (echo: %s)', async (echo) => {
    const prompt = 'Grüße aus Köln 😀, '
    const { choices } = await complete({ prompt, echo, logprobs: 2, max_tokens: 8, stop: '.' })
    const { text, logprobs } = choices[0] ?? { text: '' }
    const characters = [...text]
    expect(text.startsWith(prompt)).toBe(echo)
    expect(logprobs?.text_offset[0]).toBe(0)
    for (const [index, token] of (logprobs?.tokens ?? []).entries()) {
      // Part of a character, or a token without text.
      if (/^(bytes:|<\|)/.test(token)) continue
      const at = logprobs?.text_offset[index] ?? -1
      expect(characters.slice(at, at + [...token].length).join('')).toBe(token)
      const ranking = logprobs?.top_logprobs[index]
      if (index > 0 || !echo) expect(ranking).toHaveProperty([token], logprobs?.token_logprobs[index])
    }
    expect(logprobs?.tokens.some((token) => /^bytes:(\\x[0-9a-f]{2})+$/.test(token))).toBe(echo)
  })

  it('a completion with max_tokens 0 scores the prompt and generates nothing', async () => {
    const [told, plain] = [
      await complete({ prompt: ids, max_tokens: 0, echo: true, logprobs: 3 }),
      await complete({ prompt: ids, max_tokens: 0, echo: true }),
    ]
    expect(told.choices[0]?.logprobs?.tokens).toHaveLength(ids.length)
    expect(told.choices[0]).toMatchObject({ finish_reason: 'length', text: plain.choices[0]?.text })
    expect(plain.choices[0]?.logprobs).toBeNull()
    expect(told.usage).toMatchObject({ prompt_tokens: ids.length, completion_tokens: 0 })
  })

  it('the log probabilities of a completion are the same in a stream, the prompt first', async () => {
    const body = { model, prompt: [ids, others], echo: true, logprobs: 2, max_tokens: 5, temperature: 0 }
    const whole = await complete(body)
    const texts = ['', '']
    const lists: Legacy[] = [0, 1].map(() => ({
      tokens: [],
      token_logprobs: [],
      top_logprobs: [],
      text_offset: [],
    }))
    for await (const { choices } of await client.completions.create({ ...body, stream: true })) {
      const { index, text, logprobs } = choices[0] as unknown as Completion['choices'][number]
      texts[index] += text
      for (const key of ['tokens', 'token_logprobs', 'text_offset', 'top_logprobs'] as const)
        (lists[index]?.[key] as unknown[] | undefined)?.push(...(logprobs?.[key] ?? []))
    }
    expect(texts).toEqual(whole.choices.map(({ text }) => text))
    for (const [index, list] of lists.entries()) {
      const told = whole.choices[index]?.logprobs
      expect([list.tokens, list.text_offset]).toEqual([told?.tokens, told?.text_offset])
      expect(list.token_logprobs[0]).toBeNull()
      for (const [place, logprob] of list.token_logprobs.entries())
        expect(Math.abs(Number(logprob) - Number(told?.token_logprobs[place]))).toBeLessThan(GAP)
    }
  })

  it('the log probabilities of a prompt are complete where a slot has cached its prefix', async () => {
    const body = { prompt: ids, echo: true, logprobs: 0, max_tokens: 1 }
    const [first, again] = [await complete(body), await complete(body)]
    expect(again.choices[0]?.logprobs?.tokens).toEqual(first.choices[0]?.logprobs?.tokens)
    expect(again.choices[0]?.logprobs?.token_logprobs.slice(1)).not.toContain(null)
  })
})

describe('best_of', () => {
  it('best_of returns the choices with the highest log probability a token, and usage counts them all', async () => {
    const body = { prompt: 'Once', temperature: 1.8, seed: 5, max_tokens: 8 }
    // Each computes its prompt, in the same pass: another one rounds otherwise, and a draw can be close.
    const all = await complete({ ...body, n: 5, logprobs: 0, cache_salt: 'all' })
    const mean = ({ logprobs }: Completion['choices'][number]): number =>
      sum(logprobs?.token_logprobs as number[]) / (logprobs?.tokens.length ?? 1)
    const ranked = all.choices.toSorted((a, b) => mean(b) - mean(a)).map(({ text }) => text)
    expect(new Set(ranked).size).toBeGreaterThan(2)
    const best = await complete({ ...body, n: 2, best_of: 5, cache_salt: 'best' })
    expect(best.choices.map(({ text }) => text)).toEqual(ranked.slice(0, 2))
    expect(best.choices.map(({ index, logprobs }) => [index, logprobs])).toEqual([
      [0, null],
      [1, null],
    ])
    expect(best.usage.completion_tokens).toBe(all.usage.completion_tokens)
  })
})
