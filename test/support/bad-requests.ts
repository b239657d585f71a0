/** A body that is no request, whatever the route. */
export interface BodyRow {
  readonly name: string
  readonly body: () => string | Buffer
  readonly status?: number
  readonly headers?: Record<string, string>
}

/** Framing and JSON: rows A of the catalogue. */
export const badBodies = (maxBytes: number): BodyRow[] => [
  { name: 'A1 an empty body', body: () => '' },
  { name: 'A2 half a body', body: () => '{' },
  { name: 'A3 a trailing comma', body: () => '{"model":"x",}' },
  { name: 'A4 a raw tab in a string', body: () => '{"model":"a\tb"}' },
  ...['null', '[]', '1', 'true', '"x"'].map((text) => ({ name: `A5 to A7 ${text}`, body: () => text })),
  { name: 'A9 a byte order mark', body: () => Buffer.from('\ufeff{}') },
  { name: 'A12 overlong UTF-8', body: () => Buffer.from([0x22, 0xc0, 0xaf, 0x22]) },
  { name: 'A13 half a surrogate pair', body: () => '{"model":"\\ud800"}' },
  { name: 'A14 NUL', body: () => '{"model":"\\u0000"}' },
  { name: 'A15 NaN', body: () => '{"temperature":NaN}' },
  { name: 'A15 Infinity', body: () => '{"temperature":Infinity}' },
  { name: 'A22 many arrays', body: () => '['.repeat(500_000) },
  {
    name: 'A25 100,000 keys',
    body: () => `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":0`).join(',')}}`,
  },
  { name: 'A26 a byte too many', body: () => 'x'.repeat(maxBytes + 1), status: 413 },
  { name: 'A33 compressed', body: () => '{}', status: 415, headers: { 'content-encoding': 'gzip' } },
  ...[
    'text/plain',
    'application/json\ta',
    'application/json garbage',
    'application/json; charset=utf-16',
  ].map((type) => ({
    name: `A35 to A38 ${type}`,
    body: () => '{}',
    status: 415,
    headers: { 'content-type': type },
  })),
]

/** A value that a field may not have, on every route that reads the field. The error names it. */
export interface FieldRow {
  readonly name: string
  readonly field?: string
  readonly value: unknown
  readonly status?: number
  /** Routes where it means something else. */
  readonly except?: RegExp
  /** Found when it is compiled. */
  readonly compiled?: true
}

const row = (name: string, field: string, ...values: unknown[]): FieldRow[] =>
  values.map((value) => ({ name: `${name} ${field} ${JSON.stringify(value)?.slice(0, 60)}`, field, value }))

const deep = (depth: number): object =>
  depth === 0 ? { type: 'null' } : { type: 'array', items: deep(depth - 1) }
/** Schemas that nothing is compiled from. */
const badSchemas: unknown[] = [
  deep(33),
  { $ref: '#' },
  { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
  { $ref: 'http://127.0.0.1/schema' },
  { $ref: 'file:///etc/passwd' },
  { $ref: '#/../../etc/passwd' },
  { enum: Array.from({ length: 30_000 }, (_, i) => String(i)) },
  { type: 'array', items: {}, minItems: 1e9 },
  { type: 'string', minLength: 1e9 },
  { type: 'string', pattern: '('.repeat(60_000) },
  ...['(?<=a)', '(?:', '(a)\\1', '(', '[z-a]', 'a{1,1000000000}'].map((pattern) => ({
    type: 'string',
    pattern,
  })),
  { type: 'something' },
  { type: 5 },
  { type: 'string', pattern: 5 },
  5,
  'x',
]
const schemaRows: FieldRow[] = badSchemas.flatMap((schema) => [
  ...row('G13 to G23', 'response_format', { type: 'json_schema', json_schema: { name: 'a', schema } }),
  ...row('G13 to G23', 'text', { format: { type: 'json_schema', name: 'a', schema } }),
  ...row('G13 to G23', 'output_config', { format: { type: 'json_schema', schema } }),
  ...row('G13 to G23', 'structured_outputs', { json: schema }),
])

const brackets = '('.repeat(60_000)
const longText = `root ::= "${'a'.repeat(70_000)}"`
const compiledRows = [
  ...schemaRows,
  ...row('G25', 'grammar', `root ::= ${brackets}`, 'root ::= root "a"', 'x', longText),
  ...row('G', 'guided_regex', '(?<=a)', brackets),
]

const manyPairs = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v']))
/** Answers come from the model of the path, and say so. */
const IN_PATH = /^\/v\d\/models\//

export const hugeText = 'word '.repeat(20_000)

/** Meaning and ranges: rows B to G and K of the catalogue. */
export const badFields: FieldRow[] = [
  ...row(
    'B',
    'messages',
    'hi',
    ['hi'],
    [{ role: 'wizard', content: 'x' }],
    [{ role: 'user', content: null }],
  ),
  // Ollama: a chat without messages asks for the model to be loaded.
  ...row('B', 'messages', [], null).map((one) => ({ ...one, except: /^\/api\/chat/ })),
  ...row('B', 'messages', [{ role: 'user', content: 5 }], [{ role: 'user', content: [{ type: 'text' }] }]),
  ...row('B14', 'messages', [
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] },
  ]),
  ...row('B15', 'messages', [{ role: 'assistant', content: null }]),
  ...row(
    'B16',
    'messages',
    Array.from({ length: 10_001 }, () => ({ role: 'user', content: 'x' })),
  ),
  ...row('C7', 'messages', [{ role: 'tool', tool_call_id: 'x', content: 'y' }]),
  ...row('B19', 'stream', 'true', 1),
  ...row('B20', 'stream_options', { include_usage: true }, 'x'),
  ...row('B24', 'chat_template_kwargs', { tokenize: true }, 'x'),
  ...row('B26', 'user', 'x'.repeat(10_240), 5),
  ...[...row('B27', 'metadata', manyPairs), ...row('B27', 'metadata', { a: { b: 1 } })].map((one) => ({
    ...one,
    except: /^\/v1\/messages/,
  })),
  ...row('B27', 'metadata', 'x', { user_id: 5 }),
  ...row('C1', 'model', 'nope', '../../etc/passwd', '__proto__').map((one) => ({
    ...one,
    status: 404,
    except: IN_PATH,
  })),
  ...row('C1', 'model', 5),
  ...row('E1', 'temperature', -0.1, 2.1, 'hot', [], true),
  ...row('E3', 'top_p', -0.1, 1.1, 'x'),
  ...row('E', 'top_k', -2, 1.5, 2 ** 31, 'x'),
  ...row('E', 'min_p', -0.1, 1.1),
  ...row('E', 'frequency_penalty', -2.1, 2.1, 'x'),
  ...row('E', 'presence_penalty', -2.1, 2.1, 'x'),
  ...row('E', 'repeat_penalty', 0, 11, 'x'),
  ...row('E', 'repeat_last_n', -1, 5000, 1.5),
  ...row('E6', 'n', 0, 129, 1.5, 2 ** 31, 2 ** 53, 1e9, '2'),
  ...row('A18', 'max_tokens', -2, 1.5, 'x', 1e300),
  ...row('A18', 'max_completion_tokens', -2, 1.5, 'x', 1e300),
  ...row('A18', 'n_predict', -2, 1.5, 'x', 1e300),
  ...row('A18', 'max_output_tokens', -2, 1.5, 'x', 1e300),
  ...row('E', 'seed', 1.5, 'x', 1e300),
  ...row('E11', 'logit_bias', { abc: 1 }, { '999999999': 1 }, { '1': 101 }, { '1': 'x' }, [1], 'x'),
  ...row('E14', 'logit_bias', Object.fromEntries(Array.from({ length: 301 }, (_, i) => [i, 1]))),
  ...row('E16', 'top_logprobs', 21, -1, 'x'),
  ...row('E19', 'best_of', 0, 1000, 1.5),
  // llama-server's own completions take prompts of several kinds.
  ...row('D12', 'prompt', ['a', [1]]).map((one) => ({ ...one, except: /^\/(tokenize|completion)/ })),
  ...row(
    'F1',
    'stop',
    Array.from({ length: 65 }, (_, i) => `a${i}`),
    '',
    [''],
    [null],
    [1],
    5,
    'x'.repeat(2000),
  ),
  ...row('F2', 'stop_sequences', '', [''], [null], [1], 5, ['x'.repeat(2000)]),
  ...row('G3', 'tools', 'hammer', 5, [5], [{}], [{ type: 'function' }]),
  ...['a b', '', 'x'.repeat(129)].flatMap((name) =>
    row('G3', 'tools', [{ type: 'function', name, function: { name }, input_schema: { type: 'object' } }]),
  ),
  ...row('G7', 'tool_choice', { type: 'function', name: 'f', function: { name: 'f' } }, 5, 'perhaps', {
    type: 'x',
  }),
  ...row('G10', 'response_format', { type: 'xml' }, 'x', { type: 'json_schema' }),
  ...row('G10', 'text', { format: { type: 'xml' } }, 'x', { format: { type: 'json_schema' } }),
  ...row('G10', 'output_config', { format: { type: 'xml' } }, 'x', { format: { type: 'json_schema' } }),
  ...row('G25', 'grammar', 5),
  ...row('G', 'guided_regex', 5),
  ...row('G', 'guided_choice', [1], 'x'),
  // Where another field describes the output, an empty list asks for nothing.
  ...row('G', 'guided_choice', []).map((one) => ({ ...one, except: /responses|messages|^\/api/ })),
  ...compiledRows.map((one) => ({ ...one, compiled: true as const })),
  ...[
    ...row('D12', 'prompt', [-1], [2 ** 31], [1.5], [1e9], { a: 1 }, 5),
    ...row(
      'D16',
      'prompt',
      Array.from({ length: 10_000 }, () => 'a'),
    ),
    // Where there are messages, no prompt is read, and the answer says so.
  ].map((one) => ({ ...one, except: /^\/tokenize/ })),
  ...row('D12', 'tokens', [-1], [2 ** 31], [1.5], [1e9], 'x', 5),
  ...row('K1', 'input', [], 5, { a: 1 }),
  ...row('reasoning', 'reasoning', 'x', { effort: 'none at all' }),
  ...row('reasoning', 'reasoning_effort', 'none at all', 5),
  ...row('thinking', 'thinking', 'x', { type: 'perhaps' }, { type: 'enabled', budget_tokens: -1 }),
]
