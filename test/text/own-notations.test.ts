import { fileURLToPath } from 'node:url'
import { Template } from '@huggingface/jinja'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LlamaVocabulary, openVocabulary } from '../../src/engine/llama/vocabulary.ts'
import { OutputParser } from '../../src/text/output/output-parser.ts'

import { chatAbilities, namesIn } from '../../src/text/template/chat-abilities.ts'
import type { ChatMessage, ChatTool, ChatToolCall } from '../../src/text/template/chat-message.ts'
import { renderChat } from '../../src/text/template/chat-template.ts'
import { ControlTokenGuard } from '../../src/text/template/control-tokens.ts'
import { inOwnWords } from '../../src/text/template/own-words.ts'

import { toolFormatNamed } from '../../src/text/tool-formats/formats.ts'
import { realTemplates } from '../support/llama-source.ts'
import { writeCalls } from '../support/random-tools.ts'

interface Row {
  readonly format: string
  /** Opening tag of its thoughts. */
  readonly thought?: string
  /** Calls that it replays as they are written where they are forced, and calls that are read again as they were. Default: all. */
  readonly writes?: keyof typeof calls
  readonly reads?: keyof typeof calls
  /** Why not all. */
  readonly why?: string
}

/** What is found in every real template. */
const rows: Readonly<Record<string, Row>> = {
  'ByteDance-Seed-OSS': {
    format: 'seed',
    thought: '<seed:think>',
    writes: 'plain',
    why: 'llama.cpp spells booleans as Python does',
  },
  'GLM-4.6': { format: 'glm', thought: '<think>' },
  'GLM-4.7-Flash': { format: 'glm-dense', thought: '<think>' },
  'Kimi-K2-Instruct': { format: 'kimi' },
  'Kimi-K2-Thinking': { format: 'kimi', thought: '<think>' },
  'Kimi-K3': { format: 'kimi-k3', thought: '<|open|>think<|sep|>' },
  'MiMo-VL': { format: 'hermes', thought: '<think>' },
  'MiniMax-M1': { format: 'minimax-m1', thought: '<think>' },
  'MiniMax-M2': { format: 'minimax', thought: '<think>' },
  'MiniMax-M3': { format: 'minimax-m3', thought: '<mm:think>' },
  'Spark2.5': { format: 'glm-dense', thought: '<think>' },
  'StepFun3.5-Flash': {
    format: 'qwen-xml',
    thought: '<think>',
    writes: 'plain',
    why: 'llama.cpp spells booleans as Python does',
  },
  'deepseek-ai-DeepSeek-V3.2': { format: 'dsml-functions', thought: '<think>' },
  'deepseek-ai-DeepSeek-V4-Flash-0731': { format: 'dsml', thought: '<think>' },
  'deepseek-ai-DeepSeek-V4': { format: 'dsml', thought: '<think>' },
  'inclusionai-ling-3.0-flash': { format: 'glm', thought: '<think>' },
  'moonshotai-Kimi-K2': { format: 'kimi' },
  'muse-glimmer': { format: 'json' },
  'openbmb-MiniCPM5-1B': { format: 'minicpm', thought: '<think>' },
  'poolside-Laguna-S-2.1': { format: 'glm-dense', thought: '<think>' },
  'poolside-Laguna-XS-2.1': { format: 'glm', thought: '<think>' },
  'poolside-Laguna-XS.2': { format: 'glm', thought: '<think>' },
  'tencent-Hy3': { format: 'hunyuan', thought: '<think:opensource>' },

  'Apertus-8B-Instruct': { format: 'apertus', thought: '<|inner_prefix|>' },
  'Apriel-1.6-15b-Thinker-fixed': {
    format: 'apriel',
    thought: '',
    writes: 'none',
    why: 'calls have ids, which the model is not asked for',
  },
  Cohere2MoE: { format: 'command', thought: '<|START_THINKING|>' },
  'CohereForAI-c4ai-command-r-plus-tool_use': {
    format: 'command-plus',
    writes: 'none',
    reads: 'none',
    why: 'it takes no tools that have lists',
  },
  'CohereForAI-c4ai-command-r7b-12-2024-tool_use': { format: 'command', thought: '<|START_THINKING|>' },
  'GigaChat3-10B-A1.8B': { format: 'gigachat', writes: 'one', reads: 'one', why: 'it shows one call' },
  'GigaChat3.1-10B-A1.8B': { format: 'gigachat-tag', writes: 'one', reads: 'one', why: 'it shows one call' },
  'HuggingFaceTB-SmolLM3-3B': { format: 'json', thought: '<think>' },
  'LFM2-8B-A1B': { format: 'pythonic-tags', writes: 'none', reads: 'none', why: 'it replays no calls' },
  'LFM2.5-Instruct': {
    format: 'pythonic-tags',
    thought: '<think>',
    writes: 'none',
    reads: 'none',
    why: 'it replays no calls',
  },
  'NVIDIA-Nemotron-Nano-v2': { format: 'nemotron', thought: '<think>' },
  'deepseek-ai-DeepSeek-R1-Distill-Llama-8B': { format: 'json', thought: '<think>' },
  'deepseek-ai-DeepSeek-R1-Distill-Qwen-32B': { format: 'json', thought: '<think>' },
  'deepseek-ai-DeepSeek-V3.1': { format: 'json', thought: '<think>' },
  'fireworks-ai-llama-3-firefunction-v2': { format: 'firefunction' },
  'google-gemma-2-2b-it': { format: 'json' },
  'google-gemma-4-31B-it-interleaved': { format: 'gemma', thought: '<|channel>thought' },
  'google-gemma-4-31B-it': { format: 'gemma', thought: '<|channel>thought' },
  'llama-cpp-rwkv-world': { format: 'json', thought: '<think>' },
  'meetkai-functionary-medium-v3.1': { format: 'function-tags' },
  'microsoft-Phi-3.5-mini-instruct': { format: 'json' },
  'unsloth-Apriel-1.5': {
    format: 'apriel',
    thought: '',
    writes: 'none',
    why: 'calls have ids, which the model is not asked for',
  },
  'upstage-Solar-Open-100B': { format: 'solar', thought: '<|think|>' },

  'Bielik-11B-v3.0-Instruct': { format: 'hermes', thought: '<think>' },
  'LFM2.5-8B-A1B': {
    format: 'pythonic-tags',
    thought: '<think>',
    writes: 'none',
    reads: 'one',
    why: 'strings are in single quotes, and quotes in them are not escaped',
  },
  'Mistral-Small-3.2-24B-Instruct-2506': {
    format: 'mistral-args',
    writes: 'none',
    why: 'each call has its id',
  },
  'NVIDIA-Nemotron-3-Nano-30B-A3B-BF16': {
    format: 'qwen-xml',
    thought: '<think>',
    writes: 'plain',
    why: 'llama.cpp spells booleans as Python does',
  },
  'NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use': { format: 'hermes' },
  'NousResearch-Hermes-3-Llama-3.1-8B-tool_use': { format: 'hermes' },
  'Qwen-QwQ-32B': { format: 'hermes', thought: '<think>' },
  'Qwen-Qwen2.5-7B-Instruct': { format: 'hermes' },
  'Qwen-Qwen3-0.6B': { format: 'hermes', thought: '<think>' },
  'Qwen3-Coder': { format: 'qwen-xml', writes: 'plain', why: 'llama.cpp spells booleans as Python does' },
  'Qwen3.5-4B': {
    format: 'qwen-xml',
    thought: '<think>',
    writes: 'plain',
    why: 'llama.cpp spells booleans as Python does',
  },
  'Reka-Edge': { format: 'hermes', thought: '<think>', writes: 'plain', why: 'it escapes all but ASCII' },
  'ibm-granite-granite-3.3-2B-Instruct': {
    format: 'granite',
    thought: '<think>',
    writes: 'none',
    reads: 'none',
    why: 'it replays no calls',
  },
  'ibm-granite-granite-4.0': { format: 'hermes' },
  'ibm-granite-granite-4.1': { format: 'hermes' },
  'llama-cpp-deepseek-r1': { format: 'deepseek-r1', thought: '<think>' },
  'meetkai-functionary-medium-v3.2': {
    format: 'functionary',
    writes: 'none',
    reads: 'none',
    why: 'arguments are a dict of Python',
  },
  'meta-llama-Llama-3.1-8B-Instruct': {
    format: 'llama-json',
    writes: 'one',
    reads: 'one',
    why: 'it takes one call',
  },
  'meta-llama-Llama-3.2-3B-Instruct': {
    format: 'llama-json',
    writes: 'one',
    reads: 'one',
    why: 'it takes one call',
  },
  'meta-llama-Llama-3.3-70B-Instruct': {
    format: 'llama-json',
    writes: 'one',
    reads: 'one',
    why: 'it takes one call',
  },
  'mistralai-Ministral-3-14B-Reasoning-2512': { format: 'mistral-args', thought: '[THINK]' },
  'mistralai-Mistral-Nemo-Instruct-2407': { format: 'mistral', writes: 'none', why: 'each call has its id' },
  'openai-gpt-oss-120b': {
    format: 'harmony',
    thought: '<|channel|>analysis<|message|>',
    writes: 'none',
    reads: 'one',
    why: 'it takes one call, and names the function before the channel',
  },
  'unsloth-mistral-Devstral-Small-2507': { format: 'mistral-args' },
}

const templates = new Map(realTemplates().map(({ name, source }) => [name, source]))
const sourceOf = (name: string): string => templates.get(name) ?? ''

// In the order of their names, in which some templates write them.
const parameters = {
  type: 'object',
  properties: {
    city: { type: 'string' },
    days: { type: 'integer' },
    exact: { type: 'boolean' },
    near: { type: 'object', properties: { x: { type: 'number' } } },
    places: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } } } },
  },
}

const tools: ChatTool[] = ['get_weather', 'get'].map((name) => ({
  type: 'function',
  function: { name, description: 'Looks it up', parameters },
}))
const plain = { city: 'West "Bay", l\'Isle', days: 2 }
const rich = { city: '東京 🗼', days: 2, exact: true, near: { x: 1.5 }, places: [{ name: 'é "x"' }, {}] }
const calls: Readonly<Record<'all' | 'plain' | 'one' | 'none', [string, object][]>> = {
  all: [
    ['get_weather', plain],
    ['get', rich],
    ['get', {}],
  ],
  plain: [
    ['get_weather', plain],
    ['get', { days: 7 }],
  ],
  one: [['get_weather', rich]],
  none: [],
}

/** A text without white space, which templates put between tags as they like. */
const dense = (text: string): string => text.replaceAll(/\s/g, '')

let vocabulary: LlamaVocabulary
beforeAll(async () => {
  vocabulary = await openVocabulary(
    fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url)),
  )
})
afterAll(() => vocabulary.close())

function rendered(
  name: string,
  messages: ChatMessage[],
  kwargs: Readonly<Record<string, unknown>> = {},
): string {
  const template = sourceOf(name)
  const { callId, argument } = toolFormatNamed(chatAbilities(template, []).toolFormat) ?? {}
  const guard = new ControlTokenGuard([])
  return renderChat(
    { messages, tools, kwargs },
    {
      template,
      bos: '<s>',
      eos: '</s>',
      guard,
      strictGuard: guard,
      ...(callId && { callId }),
      ...(argument && { argument }),
      ownWords: inOwnWords(template, namesIn(template)),
      renderers: [
        vocabulary.renderJinja,
        (source, variables) => new Template(source).render({ ...variables }),
      ],
    },
  ).join('')
}

const user: ChatMessage = { role: 'user', content: 'Hi' }

/** What a template makes of calls in the last message. */
function replayed(name: string, made: readonly [string, object][]): string {
  const tool_calls = made.map(
    ([name, args], index): ChatToolCall => ({
      // An id that every template takes as it is.
      id: `call00000${index}`,
      type: 'function',
      function: { name, arguments: JSON.stringify(args) },
    }),
  )
  const results = tool_calls.map(
    ({ id }): ChatMessage => ({ role: 'tool', content: 'fine', tool_call_id: id }),
  )
  const before = rendered(name, [user])
  const whole = rendered(name, [user, { role: 'assistant', content: '', tool_calls }, ...results])
  let same = 0
  while (same < before.length && before[same] === whole[same]) same++
  // What the prompt goes on with may begin as the calls do.
  return whole.slice(same - (/[<[][^<>[\]]*$/.exec(whole.slice(0, same))?.[0].length ?? 0))
}

describe('every real template', () => {
  it('every real template is in the table', () => {
    expect(Object.keys(rows).sort()).toEqual([...templates.keys()].sort())
  })

  it.each(Object.entries(rows))(
    '%s has the format and the thoughts of its family',
    (name, { format, thought }) => {
      const { toolFormat, reasoning } = chatAbilities(sourceOf(name), [])
      expect([toolFormat, reasoning?.open]).toEqual([format, thought])
    },
  )
})

const replaying = Object.entries(rows).filter(([, { format }]) => format !== 'json')
const writing = replaying.filter(([, { writes }]) => writes !== 'none')
const reading = replaying.filter(([, { reads }]) => reads !== 'none')

describe('calls that a real template replays', () => {
  it.each(writing)(
    'calls of %s are replayed as they are written where they are forced',
    (name, { format, writes = 'all' }) => {
      const notation = toolFormatNamed(format)?.notation
      if (notation === undefined) throw new Error(`${format} has no notation`)
      // Some count calls from 0, others from 1.
      const written = [0, 1].map((first) =>
        writeCalls(
          notation,
          calls[writes].map(([name, args]) => [{ name, parameters, value: () => ({}) }, { ...args }]),
          first,
        ),
      )
      const text = dense(replayed(name, calls[writes]))
      const found = written.map(dense).filter((one) => text.includes(one))
      expect(found, `${written[0]} in ${text}`).not.toEqual([])
    },
  )

  it.each(reading)('calls of %s are read again as they were', (name, { format, reads = 'all' }) => {
    const offered = new Map(tools.map(({ function: { name } }) => [name, parameters]))
    const parser = new OutputParser({ tools: { format, offered, single: false } })
    const parts = [...parser.push(replayed(name, calls[reads])), ...parser.flush()]
    const found: [string, string][] = []
    for (const part of parts) {
      if (part.type === 'call') found.push([part.name, ''])
      else if (part.type === 'arguments') (found.at(-1) ?? ['', ''])[1] += part.text
    }
    expect(found.map(([name, args]) => [name, JSON.parse(args)])).toEqual(calls[reads])
  })
})

describe('a wish to think, or not, or how hard', () => {
  it.each<[name: string, kwargs: object, said: string]>([
    ['MiniMax-M3', { enable_thinking: false }, 'Current thinking mode: disabled'],
    ['MiniMax-M3', { enable_thinking: true }, 'Current thinking mode: enabled'],
    ['MiniMax-M3', {}, 'Current thinking mode: adaptive'],
    ['ByteDance-Seed-OSS', { enable_thinking: false }, 'your thinking budget is 0'],
    ['Kimi-K3', { reasoning_effort: 'medium' }, 'thinking_effort=high'],
    ['Kimi-K3', { reasoning_effort: 'minimal' }, 'thinking_effort=low'],
    ['Kimi-K3', { thinking: false, reasoning_effort: 'none' }, '<|open|>response<|sep|>'],
    ['tencent-Hy3', { reasoning_effort: 'medium' }, 'reasoning_effort:high'],
    ['tencent-Hy3', { reasoning_effort: 'none' }, '<think:opensource></think:opensource>'],
    ['muse-glimmer', { reasoning_effort: 'low' }, 'Reasoning strength: low.'],
  ])('%s gets %j in its own words', (name, kwargs, said) => {
    for (const variable of Object.keys(kwargs))
      expect(chatAbilities(sourceOf(name), []).variables).toContain(variable)
    expect(rendered(name, [user], { ...kwargs })).toContain(said)
  })
})
