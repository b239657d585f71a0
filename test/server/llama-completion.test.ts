import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postJson } from '../support/http.ts'
import { writeInfillModel } from '../support/infill-model.ts'
import { startServer, type TestServer } from '../support/server.ts'

const [PREFIX, SUFFIX, MIDDLE] = [801, 802, 803] as const
const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
let server: TestServer
let infill: TestServer

beforeAll(async () => {
  const path = join(folder, 'infill.gguf')
  writeInfillModel(path, PREFIX, SUFFIX, MIDDLE)
  server = await startServer(['--served-model-name', 'demo', '--context-size', '512'])
  infill = await startServer(['--model', path, '--served-model-name', 'infill', '--context-size', '256'])
})
afterAll(async () => {
  await server.stop()
  await infill.stop()
  rmSync(folder, { recursive: true })
})

interface Completion {
  readonly content: string
  readonly tokens: readonly number[]
  readonly stop: boolean
  readonly tokens_evaluated: number
}

const prompt = 'Once upon a time'
const asked = { prompt, n_predict: 8, temperature: 0 }
const post = (body: object, path = '/completion', to = server): Promise<Response> =>
  postJson(to.url + path, body)
const complete = async <T = Completion>(body: object, path?: string, to?: TestServer): Promise<T> => {
  const answer = await post(body, path, to)
  expect(answer.status).toBe(200)
  return (await answer.json()) as T
}
const tokenize = async (content: string): Promise<number[]> =>
  ((await (await post({ content }, '/tokenize')).json()) as { tokens: number[] }).tokens

describe('POST /completion', () => {
  it('a text is continued as by /v1/completions, and the answer has how it ended', async () => {
    const openAi = await post({ model: 'demo', prompt, max_tokens: 8, temperature: 0 }, '/v1/completions')
    const { choices } = (await openAi.json()) as { choices: { text: string }[] }
    const ids = await tokenize(prompt)
    expect(await complete({ ...asked, top_k: 20, stop: ['never'] })).toMatchObject({
      index: 0,
      content: choices[0]?.text,
      model: 'demo',
      prompt,
      stop: true,
      stop_type: 'limit',
      stopping_word: '',
      tokens_predicted: 8,
      tokens_evaluated: ids.length,
      generation_settings: { temperature: 0, top_k: 20, n_predict: 8, stop: ['never'] },
      timings: { predicted_n: 8 },
    })
    const word = await complete<{ content: string }>({ ...asked, stop: [' l'] })
    expect(word).toMatchObject({ stop_type: 'word', stopping_word: ' l' })
    expect(choices[0]?.text.startsWith(`${word.content} l`)).toBe(true)
    expect(await complete({ prompt, n_predict: -1, temperature: 0 })).toMatchObject({ stop_type: 'eos' })
    expect(await complete({ prompt, n_predict: 0 })).toMatchObject({ content: '', tokens_predicted: 0 })
  })

  it('token ids, and texts among them, are the same prompt as their text', async () => {
    const { content } = await complete(asked)
    const ids = await tokenize(prompt)
    const [head, tail] = [await tokenize('Once upon'), ' a time']
    for (const same of [ids, [...head, tail], ['Once upon', ...(await tokenize(tail))], [ids]])
      expect(await complete({ ...asked, prompt: same })).toMatchObject({
        content,
        prompt,
        tokens_evaluated: ids.length,
      })
    const several = await complete<Completion[]>({ ...asked, prompt: [prompt, ids, [...head, tail]] })
    expect(several.map((each) => each.content)).toEqual([content, content, content])
  })

  it('a stream has events that just end, the last of them with everything else', async () => {
    const whole = await complete({ ...asked, return_tokens: true })
    expect(whole.tokens).toHaveLength(8)
    const answer = await post({ ...asked, return_tokens: true, stream: true })
    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const events = (await answer.text())
      .trim()
      .split('\n\n')
      .map((frame) => JSON.parse(frame.replace(/^data: /, '')) as Completion)
    expect(events.map(({ content }) => content).join('')).toBe(whole.content)
    expect(events.flatMap(({ tokens }) => tokens)).toEqual(whole.tokens)
    expect(events.map(({ stop }) => stop)).toEqual([...events.slice(1).map(() => false), true])
    expect(events.at(-1)).toMatchObject({ stop_type: 'limit', tokens_predicted: 8 })
  })

  it('probabilities have ids, and an answer is held to a schema or a grammar', async () => {
    const { completion_probabilities: tokens } = await complete<{ completion_probabilities: object[] }>({
      ...asked,
      n_predict: 2,
      n_probs: 3,
    })
    expect(tokens).toHaveLength(2)
    expect(tokens[0]).toMatchObject({ id: expect.any(Number), logprob: expect.any(Number) })
    expect((tokens[0] as { top_logprobs: object[] }).top_logprobs).toHaveLength(3)
    const json_schema = { type: 'object', properties: { a: { type: 'boolean' } }, required: ['a'] }
    const { content } = await complete({ prompt: 'JSON:', n_predict: 60, temperature: 0, json_schema })
    expect(JSON.parse(content)).toHaveProperty('a')
    expect(await complete({ ...asked, grammar: 'root ::= "yes" | "no"' })).toMatchObject({
      content: expect.stringMatching(/^(yes|no)$/),
    })
  })

  it('fields without effect are named, and a limit that the context has no room for', async () => {
    const answer = await post({ ...asked, cache_prompt: false, id_slot: 3, samplers: ['top_k'], mystery: 1 })
    expect(answer.headers.get('x-ignored-params')).toBe('id_slot, samplers, mystery')
    await answer.text()
    const long = await post({ ...asked, n_predict: 10_000 })
    expect([long.status, long.headers.get('x-ignored-params')]).toEqual([200, 'n_predict'])
    await long.text()
  })

  it.each<[object, string]>([
    [{}, 'prompt'],
    [{ prompt: [] }, 'prompt'],
    [{ prompt: 5 }, 'prompt'],
    [{ prompt: [1, null] }, 'prompt[1]'],
    [{ prompt: ['a', { b: 1 }] }, 'prompt[1]'],
    [{ prompt: ['a', 5_000_000] }, 'prompt'],
    [{ prompt, n_predict: -2 }, 'n_predict'],
    [{ prompt, n_probs: 50 }, 'n_probs'],
    [{ prompt, grammar: 'root ::= "a"', json_schema: {} }, 'json_schema'],
    [{ prompt: 'word '.repeat(2000) }, 'prompt'],
  ])('a completion of %j is refused', async (body, param) => {
    const answer = await post(body)
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { param } }])
  })

  it('control tokens are taken at the start of a prompt only, also among texts', async () => {
    const { tokens } = (await (
      await post({ messages: [{ role: 'user', content: 'Hi' }] }, '/tokenize')
    ).json()) as {
      tokens: number[]
    }
    const [control = -1] = tokens
    expect((await post({ ...asked, prompt: [control, 'Hi'] })).status).toBe(200)
    for (const bad of [
      ['Hi', control],
      [control, 'Hi', control],
      [
        [control, 'Hi'],
        [1, control, 'Hi'],
      ],
    ]) {
      const answer = await post({ ...asked, prompt: bad })
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('control token')])
    }
  })
})

describe('POST /infill', () => {
  const body = { input_prefix: 'def f(', input_suffix: ')', n_predict: 6, temperature: 0 }

  it('the middle is filled in as with a suffix, with the prompt behind the prefix', async () => {
    const openAi = await post(
      { model: 'infill', prompt: 'def f(x', suffix: ')', max_tokens: 6, temperature: 0 },
      '/v1/completions',
      infill,
    )
    const { choices } = (await openAi.json()) as { choices: { text: string }[] }
    const filled = await complete({ ...body, prompt: 'x' }, '/infill', infill)
    expect(filled.content).toBe(choices[0]?.text)
    const input_extra = [{ filename: 'a.py', text: 'x = 1' }]
    const more = await complete({ ...body, prompt: 'x', input_extra }, '/infill', infill)
    expect(more.tokens_evaluated).toBeGreaterThan(filled.tokens_evaluated)
  })

  it('infill is refused where the model cannot, or a part is missing', async () => {
    const cannot = await post(body, '/infill')
    expect([cannot.status, await cannot.json()]).toMatchObject([
      400,
      { error: { code: 'unsupported_parameter' } },
    ])
    const missing = await post({ input_prefix: 'a' }, '/infill', infill)
    expect([missing.status, await missing.json()]).toMatchObject([400, { error: { param: 'input_suffix' } }])
  })
})
