import { expect } from 'vitest'
import type { Answer, Choice } from './combined-answers.ts'
import { validatorOf } from './validator.ts'

/** A request and its answer; `ask` sends the same request with other fields. */
export interface Asked {
  readonly body: Readonly<Record<string, unknown>>
  readonly answer: Answer
  ask(fields: object): Promise<Answer>
}

type Law = (asked: Asked) => void | Promise<void>

/** Something a request may ask for: its fields, and what then holds of the answer. */
export interface Wish {
  readonly name: string
  readonly fields: object
  readonly law?: Law
}
/** Wishes of which a request has one; the first is none. */
export type Factor = readonly Wish[]

const none: Wish = { name: '', fields: {} }
const STOP = '.'
const TOP = 2

const parameters = {
  type: 'object',
  properties: { city: { enum: ['Paris', 'Berlin'] } },
  required: ['city'],
  additionalProperties: false,
}
const tools = [
  { type: 'function', function: { name: 'get_weather', description: 'The weather', parameters } },
]
const schema = {
  type: 'object',
  properties: { city: { enum: ['Paris', 'Berlin'] }, warm: { type: 'boolean' } },
  required: ['city', 'warm'],
  additionalProperties: false,
}

const each =
  (law: (choice: Choice, asked: Asked) => void) =>
  (asked: Asked): void => {
    for (const choice of asked.answer.choices) law(choice, asked)
  }

/** A document of a schema, unless the answer was cut, or is a call. */
const document = (described: object) =>
  each(({ text, calls, finish }) => {
    if (finish !== 'stop' || calls.length > 0) return
    expect(validatorOf(described)(JSON.parse(text))).toBeUndefined()
  })

const called = (sure: boolean) =>
  each(({ calls, finish }) => {
    if (sure && finish !== 'length') expect(calls).not.toEqual([])
    if (calls.length > 0 && finish !== 'length') expect(finish).toBe('tool_calls')
    if (finish === 'length') calls.pop()
    for (const call of calls) {
      expect(call.id).not.toBe('')
      expect(validatorOf(parameters)(JSON.parse(call.arguments))).toBeUndefined()
    }
  })

/** All that a client sees but the ids of calls. */
export const comparable = ({ choices }: Answer): object =>
  choices.map((choice) => ({ ...choice, calls: choice.calls.map((call) => ({ ...call, id: '' })) }))

const streamed: Law = async ({ answer, ask }) => {
  const whole = await ask({ stream: undefined, stream_options: undefined })
  expect(comparable(answer)).toEqual(comparable(whole))
  if (answer.usage === undefined) return
  const { prompt_tokens_details: _, ...usage } = answer.usage
  expect(whole.usage).toMatchObject(usage)
}

/** Wishes that chats and completions have in common. */
const stop: Factor = [
  none,
  { name: 'stop', fields: { stop: STOP }, law: each(({ text }) => expect(text).not.toContain(STOP)) },
]
const n: Factor = [
  none,
  { name: 'n', fields: { n: 2 }, law: ({ answer }) => expect(answer.choices).toHaveLength(2) },
]
const stream: Factor = [
  none,
  { name: 'stream', fields: { stream: true }, law: streamed },
  {
    name: 'stream with usage',
    fields: { stream: true, stream_options: { include_usage: true } },
    law: async (asked) => {
      expect(asked.answer.usage).toBeDefined()
      await streamed(asked)
    },
  },
]
const penalties: Factor = [
  none,
  { name: 'penalties', fields: { frequency_penalty: 0.5, presence_penalty: -0.5 } },
  { name: 'repeat_penalty', fields: { repeat_penalty: 1.1, repeat_last_n: 32 } },
]
const sampling: Factor = [
  none,
  {
    name: 'seed',
    fields: { seed: 7, temperature: 0.6, top_p: 0.9 },
    law: async ({ answer, ask }) => expect(comparable(await ask({}))).toEqual(comparable(answer)),
  },
]
/** A guess changes nothing that is said. */
const unchanged =
  (field: string): Law =>
  async ({ answer, ask }) =>
    expect(comparable(await ask({ [field]: undefined }))).toEqual(comparable(answer))
const prediction: Factor = [
  none,
  {
    name: 'prediction',
    fields: { prediction: { type: 'content', content: 'The weather in Paris is sunny.' } },
    law: unchanged('prediction'),
  },
]

export const chatFactors: readonly Factor[] = [
  stop,
  n,
  [
    none,
    {
      name: 'logprobs',
      fields: { logprobs: true, top_logprobs: TOP },
      // A stop string is cut out of the text, and not out of its token.
      law: each(({ tokens, text }, { body }) => {
        const told = (tokens ?? []).join('')
        if (body['stop'] === undefined) expect(told).toBe(text)
        else expect(told.startsWith(text)).toBe(true)
      }),
    },
  ],
  [
    none,
    {
      name: 'tool_choice none',
      fields: { tools, tool_choice: 'none' },
      law: each(({ calls }) => expect(calls).toEqual([])),
    },
    { name: 'tool_choice auto', fields: { tools, tool_choice: 'auto' }, law: called(false) },
    { name: 'tool_choice required', fields: { tools, tool_choice: 'required' }, law: called(true) },
    {
      name: 'tool_choice by name',
      fields: { tools, tool_choice: { type: 'function', function: { name: 'get_weather' } } },
      law: called(true),
    },
  ],
  [
    none,
    {
      name: 'json_object',
      fields: { response_format: { type: 'json_object' } },
      // A stop string may cut what a string of the object says.
      law: (asked) => (asked.body['stop'] === undefined ? document({ type: 'object' })(asked) : undefined),
    },
    {
      name: 'json_schema',
      fields: {
        response_format: { type: 'json_schema', json_schema: { name: 'weather', schema, strict: true } },
      },
      law: document(schema),
    },
  ],
  stream,
  penalties,
  sampling,
  prediction,
  [
    none,
    {
      name: 'reasoning_effort none',
      fields: { reasoning_effort: 'none' },
      law: each(({ reasoning }) => expect(reasoning).toBe('')),
    },
    {
      name: 'reasoning_effort low',
      fields: { reasoning_effort: 'low' },
      law: each(({ reasoning }) => expect(reasoning).not.toBe('')),
    },
  ],
]

const PROMPT = 'The capital of France is'
const SUFFIX = ' and that is all.'

/** Every token is told, of the prompt too where it is echoed; together they are the text, but for what has none. */
const legacyTokens: Law = ({ answer, body }) => {
  let told = 0
  for (const { tokens, text } of answer.choices) {
    expect((tokens ?? []).join('').startsWith(text)).toBe(true)
    told += tokens?.length ?? 0
  }
  if (answer.usage === undefined) return
  const { completion_tokens, prompt_tokens } = answer.usage
  const all = completion_tokens + (body['echo'] === true ? prompt_tokens * answer.choices.length : 0)
  // What was generated and is not the best is used, and not told.
  if (body['best_of'] === undefined) expect(told).toBe(all)
  else expect(told).toBeLessThan(all)
}

export const completionFactors: readonly Factor[] = [
  [none, { name: 'prompt of token ids', fields: { prompt: [801, 40, 57, 48] } }],
  [
    none,
    {
      name: 'stop',
      fields: { stop: 'e' },
      law: each(({ text }, { body }) =>
        expect(text.slice(body['echo'] === true ? PROMPT.length : 0)).not.toContain('e'),
      ),
    },
  ],
  [
    none,
    ...n.slice(1),
    { name: 'best_of', fields: { best_of: 2 }, law: ({ answer }) => expect(answer.choices).toHaveLength(1) },
  ],
  [none, { name: 'logprobs', fields: { logprobs: TOP }, law: legacyTokens }],
  [
    none,
    {
      name: 'echo',
      fields: { echo: true },
      law: each(({ text }, { body }) => {
        if (typeof body['prompt'] === 'string') expect(text.startsWith(body['prompt'])).toBe(true)
      }),
    },
  ],
  [
    none,
    {
      name: 'suffix',
      fields: { suffix: SUFFIX },
      law: async ({ answer, ask }) => {
        const { usage } = await ask({ suffix: undefined, stream: undefined, stream_options: undefined })
        if (answer.usage !== undefined)
          expect(answer.usage.prompt_tokens).toBeGreaterThan(usage?.prompt_tokens ?? Number.POSITIVE_INFINITY)
      },
    },
  ],
  [
    none,
    {
      name: 'guided_choice',
      fields: { guided_choice: ['Paris', 'London'] },
      law: each(({ text, finish }, { body }) => {
        if (finish === 'stop' && body['stop'] === undefined) expect(text).toMatch(/(Paris|London)$/)
      }),
    },
    {
      name: 'json_schema',
      fields: { guided_json: schema },
      law: (asked) =>
        asked.body['echo'] === true || asked.body['stop'] !== undefined ? undefined : document(schema)(asked),
    },
  ],
  stream,
  penalties,
  sampling,
  prediction,
]

export const chatBody = {
  messages: [{ role: 'user', content: 'What is the weather in Paris?' }],
  max_tokens: 120,
  temperature: 0,
}
export const completionBody = { prompt: PROMPT, max_tokens: 24, temperature: 0 }
