import { describe, expect, it } from 'vitest'
import { Generation, type GenerationEvent } from '../../src/generation/generation.ts'
import { Metrics } from '../../src/metrics/metrics.ts'
import type { ScoredToken } from '../../src/text/output/content-tokens.ts'
import { Detokenizer } from '../../src/text/output/detokenizer.ts'
import { type OutputFormat, OutputParser } from '../../src/text/output/output-parser.ts'
import { StopMatcher } from '../../src/text/output/stop-matcher.ts'
import { random } from '../support/random.ts'
import { specOf } from '../support/sequences.ts'
import { greedy } from '../support/workload.ts'

/** Tokens are bytes. */
const vocabulary = {
  bytes: Uint8Array.from({ length: 256 }, (_, byte) => byte),
  offsets: Uint32Array.from({ length: 257 }, (_, at) => at),
}
const tags = { open: '<think>', close: '</think>' }
const tools = { format: 'hermes', offered: new Map([['f', {}]]), single: false }
const formats: readonly OutputFormat[] = [
  {},
  { tools },
  { reasoning: { tags, opened: false } },
  { reasoning: { tags, opened: true }, tools },
]

interface Told {
  readonly text: string
  readonly tokens: readonly ScoredToken[]
  readonly calls: number
}

/** What a reader gets of these tokens, each with its place as its log probability. */
async function told(tokens: Iterable<number>, output: OutputFormat, stops: string[]): Promise<Told> {
  const logprobs = { top: 0, prompt: false }
  const spec = specOf({ prompt: [1], maxTokens: 999, sampling: greedy, logprobs })
  const request = { spec, stops, output, deadlineAt: undefined, thoughtLimit: undefined }
  const generation = new Generation('g', request, {
    detokenizer: new Detokenizer(vocabulary),
    output: new OutputParser(output),
    stopMatcher: new StopMatcher(stops),
    now: () => 0,
    metrics: new Metrics('m'),
    onRewritten: () => undefined,
    onOver: () => undefined,
  })
  let place = 0
  for (const token of tokens) {
    generation.accept({ id: 'g', token, logprob: { logprob: -place++, top: [] } })
  }
  generation.accept({ id: 'g', finish: 'length' })
  const events: GenerationEvent[] = []
  for await (const event of generation) events.push(event)
  const parts = events.filter((event) => event.type === 'text')
  return {
    text: parts.map((part) => part.text).join(''),
    tokens: parts.flatMap((part) => part.tokens ?? []),
    calls: events.filter((event) => event.type === 'call').length,
  }
}

const pieces = ['a', ' ', '\n', 'é', '😀', 'E', 'END', '<tool', '<', '<think>', '</think>']
const call = '<tool_call>{"name":"f","arguments":{"a":1}}</tool_call>'

describe('log probabilities of an answer', () => {
  it('log probabilities belong to the tokens of the content, once each, between thoughts and calls', async () => {
    let withCalls = 0
    let behindThoughts = 0
    for (let seed = 1; seed <= 1500; seed++) {
      const below = random(seed)
      const words = Array.from({ length: below(14) }, () => pieces[below(pieces.length)])
      if (below(3) === 0) words.splice(below(words.length + 1), 0, call)
      const output = formats[below(formats.length)] ?? {}
      const stops = below(2) === 0 ? ['END'] : []
      const { text, tokens, calls } = await told(Buffer.from(words.join('')), output, stops)
      expect(Buffer.from(tokens.map(({ token }) => token)).toString()).toBe(text)
      const first = tokens[0]?.logprob.logprob ?? 0
      expect(tokens.map(({ logprob }) => logprob.logprob)).toEqual(tokens.map((_, index) => first - index))
      if (calls > 0 && text !== '') withCalls++
      if (first < 0) behindThoughts++
    }
    expect(withCalls).toBeGreaterThan(50)
    expect(behindThoughts).toBeGreaterThan(50)
  })

  it('log probabilities include a token whose character was never finished', async () => {
    const { text, tokens } = await told([65, 0xf0, 0x9f], {}, [])
    expect([text, tokens.map(({ token }) => token)]).toEqual(['A', [65, 0xf0, 0x9f]])
  })

  it('log probabilities include all of a token in which a stop string begins', async () => {
    const { text, tokens } = await told(Buffer.from('abENDc'), {}, ['END'])
    expect([text, tokens.length]).toEqual(['ab', 2])
  })
})
