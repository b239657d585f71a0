import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { metric } from '../support/metrics.ts'
import { ask, essences, type MixedRequest, type Transcript } from '../support/mixed-requests.ts'
import { signalChild } from '../support/processes.ts'
import { writeRandomTextModel } from '../support/random-text-model.ts'
import { startServer, untilReady } from '../support/server.ts'
import { validatorOf } from '../support/validator.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

const crowd = 'sk-crowd-0123456789'
const guest = 'sk-guest-0123456789'
const LENGTH = 120
const schema = {
  type: 'object',
  properties: { name: { type: 'string', maxLength: 12 }, age: { type: 'integer', maximum: 99, minimum: 0 } },
  required: ['name', 'age'],
  additionalProperties: false,
}
const streamed = { model: 'm', stream: true, stream_options: { include_usage: true }, max_tokens: LENGTH }
const prompt = 'The history of the city of Rome begins with a wolf, a river and two brothers. '

const completion = (name: string, more: object): MixedRequest => ({
  name,
  path: '/v1/completions',
  body: { ...streamed, ignore_eos: true, temperature: 0, prompt: prompt + name, ...more },
})
const asked: MixedRequest[] = [
  completion('greedy', {}),
  completion('greedy, another', { logprobs: 2 }),
  completion('sampled', { temperature: 0.9, seed: 42, top_p: 0.95 }),
  completion('sampled, another', { temperature: 1, seed: 7, logprobs: 0 }),
  completion('guessed ahead', { prompt_lookup: true, temperature: 0.5, seed: 1 }),
  {
    name: 'a schema',
    path: '/v1/chat/completions',
    body: {
      ...streamed,
      messages: [{ role: 'user', content: prompt }],
      temperature: 0.8,
      seed: 3,
      response_format: { type: 'json_schema', json_schema: { name: 'person', schema } },
    },
  },
]

/** What holds of every answer, whatever its text. */
function expectWhole(answers: readonly Transcript[]): void {
  for (const [index, { texts, whole, completionTokens, reasons, tokens }] of answers.entries()) {
    const { name, body } = asked[index] as MixedRequest
    expect([name, whole]).toEqual([name, true])
    if (name === 'a schema') {
      expect(reasons).toEqual(['0 stop'])
      expect(validatorOf(schema)(JSON.parse(texts['0'] ?? ''))).toBeUndefined()
    } else {
      expect([name, completionTokens, reasons]).toEqual([name, LENGTH, ['0 length']])
      if (body['logprobs'] !== undefined) expect(tokens).toHaveLength(LENGTH)
    }
  }
}

const paused = (answers: readonly Transcript[]): number => answers.filter((one) => one.paused).length

/** docs/logprobs.md: which weights give the same text in passes of another shape. Measured on x64. */
const CASES = [
  { type: 'Q6_K', flags: ['--batch-size', '63'], same: process.arch === 'x64' },
  { type: 'Q4_K', flags: [], same: false },
] as const

describe.each(CASES)('answers of $type weights ($flags)', ({ type, flags, same }) => {
  const path = join(folder, `${type}.gguf`)
  const start = async (...more: string[]) => {
    await writeRandomTextModel(path, { type, layers: 4, width: 256, scale: 0.65, center: 1 })
    const served = ['--model', path, '--served-model-name', 'm', '--context-size', '512']
    return startServer([...served, ...flags, ...more])
  }
  const compare = (answers: readonly Transcript[], undisturbed: readonly Transcript[]): void => {
    expectWhole(undisturbed)
    expectWhole(answers)
    if (same) expect(essences(asked, answers)).toEqual(essences(asked, undisturbed))
  }

  it(`outlive their engine${same ? ', and are the same' : ''}`, async () => {
    const server = await start('--slots', '6')
    try {
      const askAll = (onData?: () => void) =>
        Promise.all(asked.map((one) => ask(server.url, one, onData ? { onData } : {})))
      const undisturbed = await askAll()
      let heard = 0
      const disturbed = await askAll(() => {
        if (++heard === 60) signalChild(server.process.pid, 'engine', 'SIGKILL')
      })
      expect(paused(disturbed)).toBeGreaterThan(0)
      compare(disturbed, undisturbed)
      await untilReady(server.url)
    } finally {
      await server.stop()
    }
  })

  it(`answers that give way to others go on${same ? ', and are the same' : ''}`, async () => {
    const keys = join(folder, 'keys.yaml')
    writeFileSync(keys, `keys:\n  - { name: crowd, key: ${crowd} }\n  - { name: guest, key: ${guest} }\n`)
    const server = await start('--slots', '2', '--api-keys', keys)
    try {
      const askAll = () => Promise.all(asked.map((one) => ask(server.url, one, { key: crowd })))
      const undisturbed = await askAll()
      let over = false
      const visits = async (): Promise<void> => {
        const short = { ...(asked[0] as MixedRequest), body: { ...streamed, prompt: 'One', max_tokens: 4 } }
        while (!over) await ask(server.url, short, { key: guest })
      }
      const [disturbed] = await Promise.all([askAll().finally(() => (over = true)), visits()])
      expect(await metric(server.url, 'altiplano_preemptions_total')).toBeGreaterThan(0)
      compare(disturbed, undisturbed)
    } finally {
      await server.stop()
    }
  })
})
