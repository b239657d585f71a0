import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeInfillModel } from '../support/infill-model.ts'
import { type CompletionLogprobs, expectSame, toldInCompletion } from '../support/same-text.ts'
import { startServer, type TestServer } from '../support/server.ts'

const [PREFIX, SUFFIX, MIDDLE] = [801, 802, 803] as const
const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
let server: TestServer

beforeAll(async () => {
  const path = join(folder, 'infill.gguf')
  writeInfillModel(path, PREFIX, SUFFIX, MIDDLE)
  server = await startServer(['--model', path, '--served-model-name', 'infill', '--context-size', '256'])
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

interface Answer {
  readonly choices?: { readonly text: string; readonly logprobs: CompletionLogprobs }[]
  readonly usage?: { readonly prompt_tokens: number }
  readonly error?: { readonly code: string; readonly param: string; readonly message: string }
}

async function complete(fields: object): Promise<Answer> {
  const response = await fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'infill', max_tokens: 12, temperature: 0, ...fields }),
  })
  return (await response.json()) as Answer
}

/** The tokens that the server makes of a text, by their names. */
async function tokensOf(fields: object): Promise<string[]> {
  const { choices } = await complete({ ...fields, max_tokens: 0, echo: true, logprobs: 0 })
  const [choice] = (choices ?? []) as unknown as { logprobs: { tokens: string[] } }[]
  return choice?.logprobs.tokens ?? []
}

describe("completions with a suffix, by the model's own tokens", () => {
  it('a completion with a suffix puts prefix and suffix, each after its token, before the middle', async () => {
    // Letters of the built-in model that never become one token: the same prompt can be written by hand.
    const [before, behind] = [
      [57, 40, 57],
      [57, 48],
    ] as const
    const text = async (ids: readonly number[]) => (await tokensOf({ prompt: ids })).join('')
    const asked = { prompt: await text(before), suffix: await text(behind) }
    const prompt = [PREFIX, ...before, SUFFIX, ...behind, MIDDLE]
    const [filled, byHand] = [
      await complete({ ...asked, logprobs: 5 }),
      await complete({ prompt, logprobs: 5 }),
    ]
    expect(filled.usage?.prompt_tokens).toBe(prompt.length)
    const told = ({ choices = [] }: Answer) => choices.map(({ logprobs }) => toldInCompletion(logprobs))
    expect(filled.choices).toHaveLength(1)
    expectSame(told(filled), told(byHand))
    const without = await complete({ prompt: asked.prompt })
    expect(without.usage?.prompt_tokens).toBe(before.length)
    expect(without.choices?.[0]?.text).not.toBe(filled.choices?.[0]?.text)
    // At the end of a file nothing comes behind.
    expect((await complete({ ...asked, suffix: '' })).usage?.prompt_tokens).toBe(before.length + 3)
  })

  it('a suffix applies to every prompt of a request', async () => {
    const { choices } = await complete({ prompt: ['a', 'b'], suffix: 'c', n: 2 })
    expect(choices).toHaveLength(4)
  })

  it.each([
    ['echo', { prompt: 'a', echo: true }],
    ['token ids', { prompt: [40, 41] }],
  ])('a suffix is refused with %s', async (_name, fields) => {
    const { error } = await complete({ ...fields, suffix: 'b' })
    expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'suffix' })
  })
})
