/** A request whose body is as large as a server takes by default, or holds as much as one of its kind may. */
export interface LargeBody {
  readonly name: string
  readonly path: string
  /** What a server may answer; a body within all bounds whose prompt is too long is a 400, too. */
  readonly statuses: readonly number[]
  body(): string
}

/** Bytes; the default of --max-body-bytes is a little more. */
const MOST = 31_000_000

const CHAT = '/v1/chat/completions'

const repeated = (text: string, bytes = MOST): string =>
  text.repeat(Math.floor(bytes / Buffer.byteLength(text)))
const listed = (count: number, item: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => item(index)).join(',')

/** A chat that says Hi, with other fields. */
const chatWith = (fields: string): string =>
  `{"model":"altiplano-demo","max_tokens":1,"messages":[{"role":"user","content":"Hi"}],${fields}}`
/** A chat of one message. @param content JSON. */
const chatOf = (content: string): string =>
  `{"model":"altiplano-demo","max_tokens":1,"messages":[{"role":"user","content":${content}}]}`
const tool = (name: string, properties: number, prefix: string): string =>
  `{"type":"function","function":{"name":"${name}","description":"Does ${name}","parameters":{"type":"object","properties":{${listed(properties, (index) => `"${prefix}${index}":{"type":"string","description":"The ${index}th"}`)}}}}}`

const large = (name: string, path: string, statuses: readonly number[], body: () => string): LargeBody => ({
  name,
  path,
  statuses,
  body,
})

/** Costly by what they are made of: no honest client sends them. */
export const hostileBodies: readonly LargeBody[] = [
  large('arrays side by side, 120 deep', CHAT, [400], () => {
    const deep = '['.repeat(120) + ']'.repeat(120)
    return chatWith(`"x":[${listed(128_000, () => deep)}]`)
  }),
  large('a million empty objects', CHAT, [400], () => chatWith(`"x":[${listed(999_000, () => '{}')}]`)),
  large('as many empty objects as may be', CHAT, [200], () =>
    chatWith(`"x":[${listed(99_000, () => '{}')}]`),
  ),
  large('as many names as may be', CHAT, [200], () =>
    chatWith(`"x":[${listed(24_000, (index) => `{"k${index}":1}`)}]`),
  ),
  large('too many names', CHAT, [400], () =>
    chatWith(`"x":[${listed(99_000, (index) => `{"k${index}":1}`)}]`),
  ),
  large('a name of 31 MB', CHAT, [400], () => chatWith(`"${repeated('k')}":1`)),
  large('a number of 31 MB', CHAT, [400], () => chatWith(`"x":0.${repeated('1')}`)),
  large('long numbers', CHAT, [200], () => chatWith(`"x":[${listed(31_000, () => `0.${'1'.repeat(990)}`)}]`)),
  large('spaces', CHAT, [200], () => chatWith(`"x":${repeated(' ')}1`)),
  large('short strings', CHAT, [200], () => chatWith(`"x":[${listed(240_000, (index) => `"s${index}"`)}]`)),
  large('strings of 120 bytes', CHAT, [200], () =>
    chatWith(`"x":[${listed(240_000, (index) => `"${String(index).padStart(120, 'x')}"`)}]`),
  ),
  large('a text of line breaks', CHAT, [400], () => chatOf(`"${repeated('\\n')}"`)),
  large('a text of escapes', CHAT, [400], () => chatOf(`"${repeated('\\u4e2d')}"`)),
  large('a text of quotes', CHAT, [400], () => chatOf(`"${repeated('\\"')}"`)),
  large('a text of emoji', CHAT, [400], () => chatOf(`"${repeated('👩‍👩‍👧‍👦')}"`)),
  large('not UTF-8 at its end', CHAT, [400], () => chatOf(`"${repeated('中')}\\ud800"`)),
  large('no JSON', CHAT, [400], () => repeated('"a" ')),
  large(
    'messages',
    CHAT,
    [400],
    () => `{"model":"altiplano-demo","messages":[${listed(49_000, () => '{"role":"user","content":"x"}')}]}`,
  ),
  large('parts of a message', CHAT, [400], () =>
    chatOf(`[${listed(49_000, () => '{"type":"text","text":"x"}')}]`),
  ),
  large(
    'items of a response',
    '/v1/responses',
    [400],
    () => `{"model":"altiplano-demo","input":[${listed(49_000, () => '{"role":"user","content":"x"}')}]}`,
  ),
  large(
    'blocks of a message',
    '/v1/messages',
    [400],
    () =>
      `{"model":"altiplano-demo","max_tokens":1,"messages":[{"role":"user","content":[${listed(49_000, () => '{"type":"text","text":"x"}')}]}]}`,
  ),
  large('a bias for many tokens', CHAT, [400], () =>
    chatWith(`"logit_bias":{${listed(24_000, (index) => `"${index}":1`)}}`),
  ),
  large('stops', CHAT, [400], () => chatWith(`"stop":[${listed(230_000, (index) => `"s${index}"`)}]`)),
  large('a schema of many properties', CHAT, [200, 400], () =>
    chatWith(
      `"response_format":{"type":"json_schema","json_schema":{"name":"s","strict":true,"schema":{"type":"object","properties":{${listed(24_000, (index) => `"p${index}":{"type":"string"}`)}}}}}`,
    ),
  ),
  large('an enum of many strings', CHAT, [200, 400], () =>
    chatWith(
      `"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"enum":[${listed(240_000, (index) => `"${index}"`)}]}}}`,
    ),
  ),
  large('a text to count', '/tokenize', [400], () => `{"prompt":"${repeated('👩‍👩‍👧‍👦')}"}`),
  large('tokens that are none', '/detokenize', [400], () => `{"tokens":[${listed(1_190_000, () => '-1')}]}`),
]

/** Large, and what somebody may have to ask. */
export const honestBodies: readonly LargeBody[] = [
  large('128 tools with large schemas', CHAT, [200, 400], () =>
    chatWith(
      `"tools":[${listed(128, (index) => tool(`tool_${index}`, 200, 'property_'))}],"tool_choice":"none"`,
    ),
  ),
  large('128 tools with schemas of their own', CHAT, [200, 400], () =>
    chatWith(
      `"tools":[${listed(128, (index) => tool(`tool_${index}`, 100, `p${index}_`))}],"tool_choice":"none"`,
    ),
  ),
  large(
    '2,048 texts to embed',
    '/v1/embeddings',
    [400],
    () => `{"model":"altiplano-demo","input":[${listed(2048, (index) => `"The ${index}th text"`)}]}`,
  ),
  large(
    '2,048 texts as tokens',
    '/v1/embeddings',
    [400],
    () =>
      `{"model":"altiplano-demo","input":[${listed(2048, () => `[${listed(512, (index) => String(5 + (index % 90)))}]`)}]}`,
  ),
  large(
    'a prompt of a million tokens',
    '/v1/completions',
    [200, 400],
    () =>
      `{"model":"altiplano-demo","max_tokens":1,"prompt":[${listed(1_000_000, (index) => String(5 + (index % 90)))}]}`,
  ),
  large(
    'a prompt of a million words',
    '/v1/completions',
    [200, 400],
    () => `{"model":"altiplano-demo","max_tokens":1,"prompt":"${'word '.repeat(1_000_000)}"}`,
  ),
  large(
    'a conversation of 2,000 messages',
    CHAT,
    [200, 400],
    () =>
      `{"model":"altiplano-demo","max_tokens":1,"messages":[${listed(2000, (index) => `{"role":"${index % 2 === 0 ? 'user' : 'assistant'}","content":"${'All that was said. '.repeat(50)}"}`)}]}`,
  ),
  large('a document of 31 MB', CHAT, [400], () => chatOf(`"${repeated('All work and no play. ')}"`)),
  large('a document of 31 MB in Chinese', CHAT, [400], () => chatOf(`"${repeated('天地玄黄')}"`)),
]
