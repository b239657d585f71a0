import { describe, expect, it } from 'vitest'
import { type OutputFormat, OutputParser, type OutputPart } from '../../src/text/output/output-parser.ts'
import { endsInThought, type ReasoningTags, recogniseReasoning } from '../../src/text/scan/reasoning.ts'
import { toolFormats } from '../../src/text/tool-formats/formats.ts'
import { cpuWatch } from '../support/patience.ts'
import { random } from '../support/random.ts'

interface Answer {
  readonly reasoning: string
  readonly content: string
  readonly calls: readonly { readonly name: string; readonly arguments: string }[]
}

/** What a client that puts the parts together ends up with. Its checks are plain ones: an `expect` for each part takes minutes. */
function assemble(parts: readonly OutputPart[]): Answer {
  const calls: { name: string; arguments: string }[] = []
  let reasoning = ''
  let content = ''
  for (const part of parts) {
    if (part.type === 'reasoning') reasoning += part.text
    else if (part.type === 'text') {
      if (calls.length > 0) throw new Error('content follows a call')
      content += part.text
    } else if (part.type === 'call') {
      if (part.call !== calls.length) throw new Error(`call ${part.call} is out of order`)
      calls.push({ name: part.name, arguments: '' })
    } else {
      const last = calls.at(-1)
      if (last === undefined || part.call !== calls.length - 1)
        throw new Error(`arguments of call ${part.call} are out of order`)
      last.arguments += part.text
    }
  }
  return { reasoning, content, calls }
}

function read(format: OutputFormat, pieces: readonly string[]): Answer {
  const parser = new OutputParser(format)
  return assemble([...pieces.flatMap((piece) => parser.push(piece)), ...parser.flush()])
}

/** Read whole, by single characters and in many random cuts: all must agree. */
function readAll(format: OutputFormat, text: string): Answer {
  const whole = read(format, [text])
  expect(read(format, text.split(''))).toEqual(whole)
  const below = random(text.length + 1)
  for (let round = 0; round < 60; round++) {
    const pieces: string[] = []
    for (let at = 0; at < text.length; ) {
      const length = 1 + below(round % 2 === 0 ? 4 : 25)
      pieces.push(text.slice(at, at + length))
      at += length
    }
    expect(read(format, pieces)).toEqual(whole)
  }
  return whole
}

const schema = { properties: { s: { type: 'string' }, n: { type: 'integer' } } }
const offered = new Map(['get_weather', 'add', 'f'].map((name) => [name, schema]))
const formats = toolFormats.map(({ name }) => name)
const tools = (format: string, single = false): OutputFormat => ({ tools: { format, offered, single } })
const think = { open: '<think>', close: '</think>' }
const thinking = (opened: boolean): OutputFormat => ({ reasoning: { tags: think, opened } })
const answer = (content: string, ...calls: [string, string][]): Answer => ({
  reasoning: '',
  content,
  calls: calls.map(([name, text]) => ({ name, arguments: text })),
})

const paris = '{"city": "Paris"}'
const escaped = String.raw`{"city": "Pa\"ris}\\", "x": [{"y": "</tool_call> [TOOL_CALLS] <|python_tag|>"}, -1.5e3, null]}`

/** MiniMax M3's token for each bar. */
const nested = (text: string): string => text.replaceAll('|', ']<]minimax[>[')

/** Format, what the model wrote, what the client gets. The texts are what the named templates make of a call. */
const rows: [string, string, Answer][] = [
  // Hermes, Qwen.
  ['hermes', `<tool_call>\n{"name": "f", "arguments": ${paris}}\n</tool_call>`, answer('', ['f', paris])],
  ['hermes', `<tool_call>\n{"name": "f", "arguments": ${escaped}}\n</tool_call>`, answer('', ['f', escaped])],
  ['hermes', `<tool_call>{"arguments":${paris},"name":"f"}</tool_call>`, answer('', ['f', paris])],
  ['hermes', `<tool_call>{"name":"f"}</tool_call>`, answer('', ['f', '{}'])],
  ['hermes', `<tool_call>{"name":"f","arguments":null}</tool_call>`, answer('', ['f', '{}'])],
  ['hermes', `<tool_call>{"name":"f","arguments":"{\\"a\\": 1}"}</tool_call>`, answer('', ['f', '{"a": 1}'])],
  ['hermes', `<tool_call>{"id": 7, "name":"f","parameters":{}}</tool_call>`, answer('', ['f', '{}'])],
  [
    'hermes',
    `I look.\n\n<tool_call>\n{"name": "f", "arguments": ${paris}}\n</tool_call>\n<tool_call>\n{"name": "add", "arguments": {"a":1}}\n</tool_call>`,
    answer('I look.', ['f', paris], ['add', '{"a":1}']),
  ],
  ['hermes', `<tool_call>{"name":"f","arguments":{}}</tool_call> done <b>`, answer('', ['f', '{}'])],
  ['hermes', `<tool_call>{"name":"nobody","arguments":{}}</tool_call>`, answer('', ['nobody', '{}'])],
  // Braces too few or too many.
  ['hermes', `<tool_call>\n{"name": "f", "arguments": {"a":1}\n</tool_call>`, answer('', ['f', '{"a":1}'])],
  ['hermes', `<tool_call>\n{"name": "f", "arguments": {"a":1}}}\n</tool_call>`, answer('', ['f', '{"a":1}'])],
  // Arguments that are no JSON are sent as they were written.
  ['hermes', `<tool_call>{"name":"f","arguments":{'a': 1}}\n</tool_call>`, answer('', ['f', `{'a': 1}}`])],
  [
    'hermes',
    `<tool_call>{"name":"f","arguments":{"a": "x\ny"}}\n</tool_call>\n<tool_call>{"name":"add"}</tool_call>`,
    answer('', ['f', `{"a": "x\ny"}}`], ['add', '{}']),
  ],
  // No call at all: nothing is lost.
  ['hermes', '<tool_call>\nnot json\n</tool_call>', answer('<tool_call>\nnot json\n</tool_call>')],
  ['hermes', '<tool_call>\n{"name": 5}\n</tool_call>', answer('<tool_call>\n{"name": 5}\n</tool_call>')],
  ['hermes', '<tool_call>\n{"na', answer('<tool_call>\n{"na')],
  ['hermes', 'a < b <tool> <tool_cal', answer('a < b <tool> <tool_cal')],
  ['hermes', ' spaces \n', answer(' spaces \n')],
  ['hermes', '<tool_call><tool_call>{"name":"f"}</tool_call>', answer('<tool_call>', ['f', '{}'])],
  // Cut by max_tokens.
  ['hermes', `<tool_call>\n{"name": "f", "arguments": {"city": "Par`, answer('', ['f', '{"city": "Par'])],
  ['hermes', `<tool_call>\n{"name": "f", "arguments": {'a' </tool_ca`, answer('', ['f', `{'a' </tool_ca`])],

  // Llama 3.1 to 3.3.
  ['llama-json', `{"name": "f", "parameters": ${paris}}`, answer('', ['f', paris])],
  ['llama-json', `<|python_tag|>{"name": "f", "parameters": ${escaped}}`, answer('', ['f', escaped])],
  ['llama-json', `\n\n{"type": "function", "name": "f", "parameters": {}}`, answer('', ['f', '{}'])],
  [
    'llama-json',
    `{"name": "f", "parameters": {}}; {"name": "add", "parameters": {"a": 1}}`,
    answer('', ['f', '{}'], ['add', '{"a": 1}']),
  ],
  [
    'llama-json',
    `Well. <|python_tag|>{"name": "f", "parameters": {}}<|python_tag|>{"name": "add", "parameters": {}}`,
    answer('Well.', ['f', '{}'], ['add', '{}']),
  ],
  ['llama-json', `{"name": "Ann", "parameters": {}}`, answer(`{"name": "Ann", "parameters": {}}`)],
  ['llama-json', `{"city": "Paris"}`, answer(`{"city": "Paris"}`)],
  ['llama-json', `Say {"name": "f", "parameters": {}}`, answer(`Say {"name": "f", "parameters": {}}`)],
  ['llama-json', `<|python_tag|>print(1)`, answer(`<|python_tag|>print(1)`)],
  ['llama-json', `{"name": "f", "parameters": {'a'}}`, answer('', ['f', `{'a'}}`])],
  ['llama-json', `{"name": "f", "para`, answer(`{"name": "f", "para`)],
  ['llama-json', ` \n`, answer(' \n')],

  // Templates that know nothing of tools.
  ['json', `{"name": "f", "arguments": ${escaped}}`, answer('', ['f', escaped])],
  [
    'json',
    `{"name": "f", "arguments": ${paris}}\n{"name": "add", "arguments": {}}`,
    answer('', ['f', paris], ['add', '{}']),
  ],
  ['json', '```json\n{"name": "f", "arguments": {}}\n```', answer('', ['f', '{}'])],
  [
    'json',
    `I look.\n<tool_call>\n{"name": "f", "arguments": ${escaped}}\n</tool_call>\n<tool_call>{"name": "add"}</tool_call>`,
    answer('I look.', ['f', escaped], ['add', '{}']),
  ],
  ['json', '<tool_call>{"name": "Ann"}</tool_call>', answer('<tool_call>{"name": "Ann"}</tool_call>')],
  ['json', '```js\n{"name": "f"}\n```', answer('```js\n{"name": "f"}\n```')],
  ['json', `{"name": "Ann", "arguments": {}}`, answer(`{"name": "Ann", "arguments": {}}`)],
  ['json', `Say {"name": "f", "arguments": {}}`, answer(`Say {"name": "f", "arguments": {}}`)],

  // gpt-oss.
  ['harmony', '<|channel|>final<|message|>Hello.<|return|>', answer('Hello.')],
  ['harmony', '<|channel|>final<|message|>a < b <|mess', answer('a < b <|mess')],
  [
    'harmony',
    '<|channel|>analysis<|message|>They ask.<|end|><|start|>assistant<|channel|>final<|message|>Hello.',
    { ...answer('Hello.'), reasoning: 'They ask.' },
  ],
  [
    'harmony',
    `<|channel|>analysis<|message|>One.<|end|><|start|>assistant<|channel|>analysis<|message|>Two.<|end|><|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>${escaped}<|call|>`,
    { ...answer('', ['f', escaped]), reasoning: 'One.\n\nTwo.' },
  ],
  [
    'harmony',
    `<|channel|>commentary<|message|>I look.<|end|><|start|>assistant to=functions.f<|channel|>commentary json<|message|>${paris}<|call|>`,
    answer('I look.', ['f', paris]),
  ],
  ['harmony', ` to=f<|channel|>commentary<|message|>{"a": "<|end|>"}`, answer('', ['f', '{"a": "<|end|>"}'])],
  [
    'harmony',
    '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1',
    answer('', ['f', '{"a": 1']),
  ],
  ['harmony', '<|channel|>commentary to=browser.open<|message|>{}<|call|>', answer('{}')],
  ['harmony', '<|channel|>analysis<|message|>Half a th', { ...answer(''), reasoning: 'Half a th' }],
  ['harmony', 'No header at all.', answer('No header at all.')],
  ['harmony', '<|channel|>fin', answer('<|channel|>fin')],

  // Functionary 3.2, behind the mark that its prompt ends with.
  ['functionary', 'all\nHello >> you.', answer('Hello >> you.')],
  ['functionary', `f\n${escaped}`, answer('', ['f', escaped])],
  [
    'functionary',
    `all\nI look.>>>f\n${paris}>>>add\n{"a": ">>>all\\n"}`,
    answer('I look.', ['f', paris], ['add', '{"a": ">>>all\\n"}']),
  ],
  ['functionary', `nobody\n{}`, answer('nobody\n{}')],
  ['functionary', 'all\na>>>b\nc', answer('a>>>b\nc')],
  ['functionary', `f\n{"a": `, answer('', ['f', '{"a": '])],
  ['functionary', 'al', answer('al')],

  // Granite 3.
  ['granite', `<|tool_call|>[{"name": "f", "arguments": ${escaped}}]`, answer('', ['f', escaped])],
  [
    'granite',
    `I look. <tool_call>[{"name": "f", "arguments": {}}, {"arguments": ${paris}, "name": "add"}]`,
    answer('I look.', ['f', '{}'], ['add', paris]),
  ],
  ['granite', '<|tool_call|> none', answer('<|tool_call|> none')],

  // Mistral, to v7 and from v11.
  [
    'mistral',
    `[TOOL_CALLS] [{"name": "f", "arguments": ${paris}, "id": "abcdefghi"}]`,
    answer('', ['f', paris]),
  ],
  [
    'mistral',
    `[TOOL_CALLS][{"name": "f", "arguments": ${escaped}}, {"name": "add", "arguments": {}}]`,
    answer('', ['f', escaped], ['add', '{}']),
  ],
  ['mistral', `Let me see. [TOOL_CALLS]f[ARGS]${paris}`, answer('Let me see.', ['f', paris])],
  [
    'mistral',
    `[TOOL_CALLS]f[CALL_ID]abcdefghi[ARGS]${escaped}[TOOL_CALLS]add{"a": 1}`,
    answer('', ['f', escaped], ['add', '{"a": 1}']),
  ],
  ['mistral', `[TOOL_CALLS]f[ARGS]{"a": 'x'}`, answer('', ['f', `{"a": 'x'}`])],
  ['mistral', `[TOOL_CALLS] no name at all {`, answer('[TOOL_CALLS] no name at all {')],
  ['mistral', `[TOOL_CALLS][]`, answer('[TOOL_CALLS][]')],
  ['mistral', `[TOOL_CALLS]get_wea`, answer('[TOOL_CALLS]get_wea')],
  ['mistral', `[1, 2] [TOOL`, answer('[1, 2] [TOOL')],
  ['mistral', `[TOOL_CALLS]f[ARGS]{"city": "Par`, answer('', ['f', '{"city": "Par'])],

  // Llama 3.2 and 4, LFM2.
  ['pythonic', `[get_weather(city="Paris")]`, answer('', ['get_weather', '{"city": "Paris"}'])],
  [
    'pythonic',
    `<|python_start|>[f(a=1, b='it\\'s', c=[True, None, {'k': -2.5}]), add()]<|python_end|>`,
    answer('', ['f', `{"a": 1, "b": "it's", "c": [true, null, {"k": -2.5}]}`], ['add', '{}']),
  ],
  [
    'pythonic',
    `On it.<|tool_call_start|>[f(a=")]")]<|tool_call_end|>`,
    answer('On it.', ['f', '{"a": ")]"}']),
  ],
  ['pythonic', `[f(1, 2)]`, answer('', ['f', '1, 2'])],
  ['pythonic', `[f(a=b)]`, answer('', ['f', 'a=b'])],
  ['pythonic', `[nobody(a=1)]`, answer('[nobody(a=1)]')],
  ['pythonic', `[1, 2, 3]`, answer('[1, 2, 3]')],
  ['pythonic', `See [f(a=1)]`, answer('See [f(a=1)]')],
  ['pythonic', `[f(a="x`, answer('[f(a="x')],

  // Qwen3-Coder, Qwen 3.5.
  [
    'qwen-xml',
    `Sure.\n<tool_call>\n<function=f>\n<parameter=s>\n12\n</parameter>\n<parameter=n>\n12\n</parameter>\n</function>\n</tool_call>`,
    answer('Sure.', ['f', '{"s": "12", "n": 12}']),
  ],
  [
    'qwen-xml',
    `<tool_call>\n<function=f>\n<parameter=s>\na "b"\n\n<c> </para\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=add>\n</function>\n</tool_call>`,
    answer('', ['f', `{"s": "a \\"b\\"\\n\\n<c> </para"}`], ['add', '{}']),
  ],
  [
    'qwen-xml',
    '<function=f>\n<parameter=x>\n{"a": [1]}\n</parameter>\n</function>',
    answer('', ['f', '{"x": {"a": [1]}}']),
  ],
  ['qwen-xml', '<function=f><parameter=n>many</function></tool_call>', answer('', ['f', '{"n": "many"}'])],
  ['qwen-xml', '<function=nobody>x</function>', answer('<function=nobody>x</function>')],
  ['qwen-xml', '<tool_call>\nno call\n</tool_call>', answer('<tool_call>\nno call\n</tool_call>')],
  ['qwen-xml', '<tool_call>\n<function=a b>', answer('<tool_call>\n<function=a b>')],
  ['qwen-xml', '<tool_call>\n<function=get_w', answer('<tool_call>\n<function=get_w')],
  ['qwen-xml', '<tool_call>\n<function=f>\n<parameter=s>\nhal', answer('', ['f', '{"s": "hal'])],

  ['qwen-xml', '<tool_call><function=f><parameter=n></tool_call>', answer('', ['f', '{"n": "</tool_call>'])],
  // As templates spell what is no string.
  [
    'qwen-xml',
    "<function=f><parameter=x>\n{'a': [True, None]}\n</parameter><parameter=s>\nTrue\n</parameter><parameter=n>True</parameter></function>",
    answer('', ['f', '{"x": {"a": [true, null]}, "s": "True", "n": true}']),
  ],
  [
    'seed',
    'Sure.<seed:tool_call>\n<function=f>\n<parameter=s>12\n</parameter>\n<parameter=n>12</parameter>\n</function>\n</seed:tool_call>\n<seed:tool_call><function=add></function></seed:tool_call>',
    answer('Sure.', ['f', '{"s": "12\\n", "n": 12}'], ['add', '{}']),
  ],
  ['seed', '<seed:tool_call>none</seed:tool_call>', answer('<seed:tool_call>none</seed:tool_call>')],

  // GLM, with and without line ends; a name counts with what follows it.
  [
    'glm',
    'I look.\n<tool_call>f\n<arg_key>s</arg_key>\n<arg_value> a "b" <c></arg_value>\n<arg_key>n</arg_key>\n<arg_value>-3</arg_value>\n<arg_key>x</arg_key>\n<arg_value>{"é": ["<arg_key>"]}</arg_value>\n</tool_call>\n<tool_call>add\n</tool_call>',
    answer('I look.', ['f', '{"s": " a \\"b\\" <c>", "n": -3, "x": {"é": ["<arg_key>"]}}'], ['add', '{}']),
  ],
  [
    'glm-dense',
    '<tool_call>f<arg_key>s</arg_key><arg_value></arg_value></tool_call><tool_call>nobody</tool_call>',
    answer('', ['f', '{"s": ""}'], ['nobody', '{}']),
  ],
  ['glm', '<tool_call>f<arg_key>s</tool_call>', answer('', ['f', '{}'])],
  ['glm', '<tool_call>f<arg_key>n</arg_key></tool_call> x', answer('', ['f', '{}'])],
  ['glm', '<tool_call>f<arg_key>n</arg_key><arg_value>1</tool_call>', answer('', ['f', '{"n": 1}'])],
  ['glm', '<tool_call>a call</tool_call>', answer('<tool_call>a call</tool_call>')],
  ['glm', '<tool_call>f</tool', answer('<tool_call>f</tool')],
  ['glm', '<tool_call>f <b></tool_call>', answer('<tool_call>f <b></tool_call>')],
  ['glm', '<tool_call></tool_call>', answer('<tool_call></tool_call>')],
  ['glm', '<tool_call><tool_call>f</tool_call>', answer('<tool_call>', ['f', '{}'])],
  ['glm', '<tool_call>f<arg_key>s</arg_key>\n<arg_value>hal', answer('', ['f', '{"s": "hal'])],

  // Hunyuan.
  [
    'hunyuan',
    'Well<tool_calls:opensource>\n<tool_call:opensource>f<tool_sep:opensource>\n<arg_key:opensource>s</arg_key:opensource>\n<arg_value:opensource>1</arg_value:opensource>\n</tool_call:opensource>\n<tool_call:opensource>add<tool_sep:opensource>\n</tool_call:opensource>\n</tool_calls:opensource>',
    answer('Well', ['f', '{"s": "1"}'], ['add', '{}']),
  ],
  ['hunyuan', '<tool_calls:opensource>\n<tool_call>', answer('<tool_calls:opensource>\n<tool_call>')],

  // MiniMax M2; DeepSeek V3.2 and V4.
  [
    'minimax',
    'On it.\n<minimax:tool_call>\n<invoke name="f">\n<parameter name="s">1</parameter>\n<parameter name="n">2</parameter>\n</invoke>\n<invoke name="add">\n</invoke>\n</minimax:tool_call>',
    answer('On it.', ['f', '{"s": "1", "n": 2}'], ['add', '{}']),
  ],
  ['minimax', '<invoke name="f"></invoke>', answer('', ['f', '{}'])],
  ['minimax', '<invoke name="nobody"></invoke>', answer('<invoke name="nobody"></invoke>')],
  ['minimax', '<minimax:tool_call>\n<invoke name="a b">', answer('<minimax:tool_call>\n<invoke name="a b">')],
  [
    'dsml',
    'So:\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name="f">\n<｜DSML｜parameter name="s" string="true">1</｜DSML｜parameter>\n<｜DSML｜parameter name="y" string="true">2</｜DSML｜parameter>\n<｜DSML｜parameter name="z" string="false">[3]</｜DSML｜parameter>\n</｜DSML｜invoke>\n<｜DSML｜invoke name="add">\n\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>',
    answer('So:', ['f', '{"s": "1", "y": "2", "z": [3]}'], ['add', '{}']),
  ],
  [
    'dsml-functions',
    '<｜DSML｜function_calls>\n<｜DSML｜invoke name="f">\n<｜DSML｜parameter name="n" string="true">1</｜DSML｜parameter>\n<｜DSML｜parameter name="s" string="false">1</｜DSML｜parameter>',
    answer('', ['f', '{"n": 1, "s": "1"']),
  ],
  ['dsml', '<｜DSML｜tool_calls>\nno', answer('<｜DSML｜tool_calls>\nno')],

  // MiniMax M1.
  [
    'minimax-m1',
    `Ok <tool_calls>\n{"name": "f", "arguments": ${escaped}}\n{"name": "add", "arguments": {}}\n</tool_calls>`,
    answer('Ok', ['f', escaped], ['add', '{}']),
  ],
  ['minimax-m1', '<tool_calls>\nnone</tool_calls>', answer('<tool_calls>\nnone</tool_calls>')],

  // MiniMax M3: a token before each tag, and tags within an argument.
  [
    'minimax-m3',
    nested(
      'I.\n|<tool_call>\n|<invoke name="f">|<s>1 "<b>"|</s>|<n>2|</n>|<x>|<a>|<item>1|</item>|<item>|<b>é|</b>|</item>|</a>|</x>|</invoke>\n|<invoke name="add">|</invoke>\n|</tool_call>',
    ),
    answer('I.', ['f', '{"s": "1 \\"<b>\\"", "n": 2, "x": {"a": [1, {"b": "é"}]}}'], ['add', '{}']),
  ],
  [
    'minimax-m3',
    nested('|<invoke name="f">|<x>{"a": [1]}|</x>|<s>|</s>|</invoke>'),
    answer('', ['f', '{"x": {"a": [1]}, "s": ""}']),
  ],
  [
    'minimax-m3',
    nested('|<tool_call>|<invoke name="f">|<s>1|</other>|<n>2|</invoke>'),
    answer('', ['f', '{"s": "1", "n": 2}']),
  ],
  ['minimax-m3', nested('|<invoke name="f">|<s>hal'), answer('', ['f', '{"s": "hal'])],
  ['minimax-m3', nested('|<tool_call>\n|<b>'), answer(nested('|<tool_call>\n|<b>'))],

  // Kimi K3, with the tag before its response, and without.
  [
    'kimi-k3',
    '<|open|>response<|sep|>Ok<|close|>response<|sep|><|open|>tools<|sep|><|open|>call tool="f" index="1"<|sep|><|open|>argument key="s" type="string"<|sep|>1 & "<|close|>argument<|sep|><|open|>argument key="y" type="string"<|sep|>2<|close|>argument<|sep|><|open|>argument key="x" type="array"<|sep|>[3]<|close|>argument<|sep|><|close|>call<|sep|><|open|>call tool="add" index="2"<|sep|><|close|>call<|sep|><|close|>tools<|sep|><|close|>message<|sep|><|end_of_msg|>',
    answer('Ok', ['f', '{"s": "1 & \\"", "y": "2", "x": [3]}'], ['add', '{}']),
  ],
  ['kimi-k3', '<|open|>response<|sep|>Ok<|close|>response<|sep|><|close|>message<|sep|>', answer('Ok')],
  ['kimi-k3', 'Ok <|open|>tools<|sep|>none', answer('Ok <|open|>tools<|sep|>none')],

  // Kimi K2.
  [
    'kimi',
    `I look.<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>${escaped}<|tool_call_end|><|tool_call_begin|>functions.add:1<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>`,
    answer('I look.', ['f', escaped], ['add', '{}']),
  ],
  [
    'kimi',
    `<|tool_call_begin|>f<|tool_call_argument_begin|> {"a": "<|tool_call_end|>`,
    answer('', ['f', '{"a": "<|tool_call_end|>']),
  ],
  [
    'kimi',
    '<|tool_calls_section_begin|> none<|tool_calls_section_end|>',
    answer('<|tool_calls_section_begin|> none<|tool_calls_section_end|>'),
  ],

  // MiniCPM 5.
  [
    'minicpm',
    'Ok <function name="f"><param name="s"><![CDATA[a</param> & <b>\n]]></param><param name="n">4</param></function>\n<function name="add"></function>',
    answer('Ok', ['f', '{"s": "a</param> & <b>\\n", "n": 4}'], ['add', '{}']),
  ],
  [
    'minicpm',
    '<function name="f"><param name="s">\n<![CDATA[a</param> ]]> \n</param><param name="n">4</param></function>',
    answer('', ['f', '{"s": "a</param> ", "n": 4}']),
  ],
  ['minicpm', '<function name="nobody"></function>', answer('<function name="nobody"></function>')],
  [
    'minicpm',
    '<function name="f"><param name="s"><![CDATA[x</param>',
    answer('', ['f', '{"s": "<![CDATA[x</param>']),
  ],

  // DeepSeek V3.1; V3 and R1.
  [
    'deepseek',
    `I look.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>${escaped}<｜tool▁call▁end｜><｜tool▁call▁begin｜>add<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
    answer('I look.', ['f', escaped], ['add', '{}']),
  ],
  [
    'deepseek',
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{"a": 1}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>add\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    answer('', ['f', '{"a": 1}'], ['add', '{}']),
  ],
  ['deepseek', `<｜tool▁call▁begin｜>f<｜tool▁sep｜>{'a'}<｜tool▁call▁end｜>`, answer('', ['f', `{'a'}`])],
  [
    'deepseek',
    `<｜tool▁call▁begin｜>f<｜tool▁sep｜>{"a": "<｜tool▁call▁end｜>"}<｜tool▁call▁end｜>`,
    answer('', ['f', '{"a": "<｜tool▁call▁end｜>"}']),
  ],
  ['deepseek', `<｜tool▁calls▁begin｜> nothing`, answer('<｜tool▁calls▁begin｜> nothing')],
  ['deepseek', `<｜tool▁call▁begin｜>f<｜tool▁sep｜>`, answer('<｜tool▁call▁begin｜>f<｜tool▁sep｜>')],
  ['deepseek', `<｜tool▁call▁begin｜>f<｜tool▁sep｜>{"a": "x`, answer('', ['f', '{"a": "x'])],

  // Command R7B, A; R+.
  [
    'command',
    `<|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "f", "parameters": ${escaped}},\n    {"tool_call_id": "1", "tool_name": "add", "parameters": {}}\n]<|END_ACTION|>`,
    answer('', ['f', escaped], ['add', '{}']),
  ],
  ['command', `I look.<|START_ACTION|>[{"tool_name": "f"}]<|END_ACTION|>`, answer('I look.', ['f', '{}'])],
  [
    'command',
    `<|START_ACTION|>[{"name": "f", "parameters": {}}]`,
    answer(`<|START_ACTION|>[{"name": "f", "parameters": {}}]`),
  ],
  ['command', `<|START_ACTION|>[{"tool_name": "f", "parameters": {"a": "x`, answer('', ['f', '{"a": "x'])],
  ['command', '<|START_ACTION|>[]<|END_ACTION|>', answer('<|START_ACTION|>[]<|END_ACTION|>')],
  [
    'command-plus',
    `I will look.\nAction:\n\`\`\`json\n[\n    {\n        "tool_name": "f",\n        "parameters": ${escaped}\n    },\n    {\n        "tool_name": "add",\n        "parameters": {}\n    }\n]\`\`\``,
    answer('I will look.', ['f', escaped], ['add', '{}']),
  ],
  [
    'command-plus',
    'Action: ```json\n[{"tool_name": "directly-answer", "parameters": {}}]\n```',
    answer('Action: ```json\n[{"tool_name": "directly-answer", "parameters": {}}]\n```'),
  ],
  ['command-plus', 'Action: none. ```json\n[1]```', answer('Action: none. ```json\n[1]```')],
  ['command-plus', '```json\n[{"tool_name": "f", "parameters": {}}]\n```', answer('', ['f', '{}'])],

  // Nemotron Nano v2, Apriel, Firefunction.
  [
    'nemotron',
    `I look.\n<TOOLCALL>[{"name": "f", "arguments": ${escaped}}, {"name": "add", "arguments": {}}]</TOOLCALL>`,
    answer('I look.', ['f', escaped], ['add', '{}']),
  ],
  ['nemotron', `<TOOLCALL>[{"name": "f", "arguments": {'a'}}]</TOOLCALL>`, answer('', ['f', `{'a'}}]`])],
  ['nemotron', '<TOOLCALL>{}</TOOLCALL>', answer('<TOOLCALL>{}</TOOLCALL>')],
  [
    'apriel',
    `\n<tool_calls>[{"name": "f", "arguments": ${escaped}, "id": "1"}, {"name": "add", "arguments": {}, "id": "2"}]</tool_calls>`,
    answer('', ['f', escaped], ['add', '{}']),
  ],
  ['apriel', '<tool_calls>[{"na', answer('<tool_calls>[{"na')],
  [
    'firefunction',
    `Now: functools[{"name": "f", "arguments": ${escaped}}, {"name": "add", "arguments": {}}]`,
    answer('Now:', ['f', escaped], ['add', '{}']),
  ],
  ['firefunction', 'functools[{"name": "nobody"}]', answer('functools[{"name": "nobody"}]')],
  ['firefunction', 'import functools\nfunctools[1]', answer('import functools\nfunctools[1]')],

  // Apertus.
  [
    'apertus',
    `I look.<|tools_prefix|>[{"f": ${escaped}}, {"add": {}}]<|tools_suffix|>`,
    answer('I look.', ['f', escaped], ['add', '{}']),
  ],
  [
    'apertus',
    '<|tools_prefix|>[{"f": 1}]<|tools_suffix|>',
    answer('<|tools_prefix|>[{"f": 1}]<|tools_suffix|>'),
  ],
  ['apertus', '<|tools_prefix|>[{"f": {"a": "x', answer('', ['f', '{"a": "x'])],
  ['apertus', '<|tools_prefix|>[{"f', answer('<|tools_prefix|>[{"f')],

  // GigaChat 3 and 3.1.
  [
    'gigachat',
    `I look.<|message_sep|>\n\nfunction call<|role_sep|>\n{"name": "f", "arguments": ${escaped}}<|message_sep|>\n`,
    answer('I look.', ['f', escaped]),
  ],
  ['gigachat', 'Hello.<|message_sep|>', answer('Hello.')],
  ['gigachat', 'a function call<|role_sep|> is', answer('a function call<|role_sep|> is')],
  [
    'gigachat-tag',
    `I look.<|function_call|>{"name": "f", "arguments": ${paris}}<|message_sep|>`,
    answer('I look.', ['f', paris]),
  ],
  ['gigachat-tag', '<|function_call|>{"name": "f", "argu', answer('<|function_call|>{"name": "f", "argu')],

  // Solar.
  [
    'solar',
    `<|tool_calls|><|tool_call:begin|>a1b2c3d4e5<|tool_call:name|>f<|tool_call:args|>${escaped}<|tool_call:end|><|tool_call:begin|>b1b2c3d4e5<|tool_call:name|>add<|tool_call:args|>{}<|tool_call:end|><|calls|>`,
    answer('', ['f', escaped], ['add', '{}']),
  ],
  ['solar', '<|tool_calls|> none <|calls|>', answer('<|tool_calls|> none <|calls|>')],
  ['solar', '<|tool_call:begin|>a<|tool_call:name|>f', answer('<|tool_call:begin|>a<|tool_call:name|>f')],

  // Functionary 3.1.
  [
    'function-tags',
    `I look. <function=f>${escaped}</function><function=add>{}</function>`,
    answer('I look.', ['f', escaped], ['add', '{}']),
  ],
  ['function-tags', `<function=f>{"a": "</function>"}</function>`, answer('', ['f', '{"a": "</function>"}'])],
  ['function-tags', '<function=nobody>{}</function>', answer('<function=nobody>{}</function>')],
  ['function-tags', '<function=f>none</function>', answer('<function=f>none</function>')],

  // Gemma 4.
  [
    'gemma',
    '<|tool_call>call:f{s:<|"|>Par"is\\ 🗼\n<tool_call|> {,}:[]<|"|>,n:2,x:{a:[1,,None,true,[]],b:{}}}<tool_call|><|tool_call>call:add{}<tool_call|>',
    answer(
      '',
      ['f', '{"s":"Par\\"is\\\\ 🗼\\n<tool_call|> {,}:[]","n":2,"x":{"a":[1,null,null,true,[]],"b":{}}}'],
      ['add', '{}'],
    ),
  ],
  [
    'gemma',
    'I look.<|tool_call>call:f{ s : <|"|>x<|"|> , <|"|>a b<|"|>: -1.5e3 , t : half past, u: }<tool_call|>',
    answer('I look.', ['f', '{"s":"x","a b":-1.5e3,"t":"half past","u":null}']),
  ],
  // As JSON, which it was not taught.
  [
    'gemma',
    '<|tool_call>call:f{"s": "a, \\"b\\"}", "n": 1}<tool_call|>',
    answer('', ['f', '{"s":"a, \\"b\\"}","n":1}']),
  ],
  ['gemma', '<|tool_call>call:f{n:1<tool_call|>', answer('', ['f', '{"n":1}'])],
  ['gemma', '<|tool_call>call:f{s:<|"|>ha<', answer('', ['f', '{"s":"ha<'])],
  ['gemma', '<|tool_call>call:f{n:12', answer('', ['f', '{"n":12'])],
  ['gemma', '<|tool_call>call:f{na', answer('', ['f', '{"na'])],
  ['gemma', '<|tool_call>f{}<tool_call|>', answer('<|tool_call>f{}<tool_call|>')],
  ['gemma', '<|tool_call>call:f', answer('<|tool_call>call:f')],
]

describe('tool calls', () => {
  it.each(rows)('OutputParser reads calls in the format %s: %s', (format, text, expected) => {
    expect(readAll(tools(format), text)).toEqual(expected)
  })

  it('OutputParser streams arguments while they are generated', () => {
    const parser = new OutputParser(tools('hermes'))
    parser.push('<tool_call>\n{"name": "f", "arg')
    expect(parser.push('uments": {"city": "Pa')).toEqual([
      { type: 'call', call: 0, name: 'f' },
      { type: 'arguments', call: 0, text: '{"city": "Pa' },
    ])
    expect(parser.push('ris')).toEqual([{ type: 'arguments', call: 0, text: 'ris' }])
  })

  it('OutputParser streams content as it comes, but for white space and the beginning of a tag', () => {
    const parser = new OutputParser(tools('hermes'))
    expect(parser.push('one two ')).toEqual([{ type: 'text', text: 'one two' }])
    expect(parser.push('<tool')).toEqual([])
    expect(parser.push('s>')).toEqual([{ type: 'text', text: ' <tools>' }])
  })

  it('OutputParser ends after the first call when only one is wanted', () => {
    for (const [format, text] of [
      ['hermes', '<tool_call>{"name":"f"}</tool_call><tool_call>{"name":"add"}</tool_call>'],
      ['llama-json', '{"name":"f","parameters":{}};{"name":"add","parameters":{}}'],
      ['mistral', '[TOOL_CALLS][{"name":"f","arguments":{}},{"name":"add","arguments":{}}]'],
      ['pythonic', '[f(), add()]'],
      ['gemma', '<|tool_call>call:f{}<tool_call|><|tool_call>call:add{}<tool_call|>'],
      ['apertus', '<|tools_prefix|>[{"f": {}}, {"add": {}}]'],
      ['command', '<|START_ACTION|>[{"tool_name": "f"}, {"tool_name": "add"}]'],
      ['qwen-xml', '<function=f></function><function=add></function>'],
      [
        'deepseek',
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁call▁begin｜>add<｜tool▁sep｜>{}',
      ],
    ] as const) {
      const parser = new OutputParser(tools(format, true))
      const parts = [...text].flatMap((char) => parser.push(char))
      expect(parser.done).toBe(true)
      expect(assemble([...parts, ...parser.flush()])).toEqual(answer('', ['f', '{}']))
    }
  })

  it('OutputParser finds where content begins after a lead, wherever the text is cut', () => {
    for (const pieces of [['all\n>', '> b'], ['all', '\n>> b'], 'all\n>> b'.split('')]) {
      const parser = new OutputParser(tools('functionary'))
      for (const piece of pieces) parser.push(piece)
      parser.flush()
      expect(parser.contentStart, pieces.join('|')).toBe(4)
    }
  })

  it('OutputParser reads any text in any format the same way, wherever it is cut', () => {
    const below = random(11)
    const bits = [
      '<tool_call>',
      '</tool_call>',
      '[TOOL_CALLS]',
      '[ARGS]',
      '<|tool_call|>',
      '<|channel|>',
      'final',
      'analysis',
      ' to=functions.f',
      '<|message|>',
      '<|end|>',
      '<|start|>',
      'all\n',
      'f\n',
      '>>>',
      '<|python_tag|>',
      '<|python_start|>',
      '<|python_end|>',
      '{"name": "f", ',
      '"arguments": ',
      '{"name": "f", "parameters": ',
      '{',
      '}',
      '}}',
      '[',
      ']',
      '"',
      '\\',
      'f',
      '(',
      ')',
      '<function=',
      '<function=f>',
      '</function>',
      '<parameter=',
      '<parameter=a>',
      '</parameter>',
      '<arg_key>',
      '</arg_key>\n<arg_value>',
      '</arg_value>',
      '<tool_calls:opensource>\n<tool_call:opensource>f<tool_sep:opensource>',
      '<arg_key:opensource>',
      '</tool_call:opensource>',
      '<minimax:tool_call>',
      '<invoke name="f">',
      '<parameter name="s">',
      '</invoke>',
      '<seed:tool_call>',
      '<｜DSML｜tool_calls>\n',
      '<｜DSML｜invoke name="f">',
      '<｜DSML｜parameter name="s" string="true">',
      '</｜DSML｜invoke>',
      '<function name="f">',
      '<tool_calls>\n',
      '<|tool_calls_section_begin|>',
      '<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>',
      '<|tool_call_end|>',
      '<param name="n">',
      ']<]minimax[>[',
      ']<]minimax[>[<tool_call>',
      ']<]minimax[>[<invoke name="f">',
      '<x>',
      '</x>',
      '<|open|>response<|sep|>',
      '<|close|>response<|sep|>',
      '<|open|>tools<|sep|><|open|>call tool="f" index="1"<|sep|>',
      '<|open|>argument key="s" type="string"<|sep|>',
      '<|close|>argument<|sep|>',
      '<![CDATA[',
      ']]>',
      '<｜tool▁calls▁begin｜>',
      '<｜tool▁calls▁end｜>',
      '<｜tool▁call▁begin｜>',
      '<｜tool▁call▁end｜>',
      '<｜tool▁sep｜>',
      '```json',
      'a=',
      '1',
      ',',
      ' ',
      '\n',
      ';',
      'text',
      '<',
      '[TOOL',
      '<|START_ACTION|>',
      'Action:',
      '"tool_name": "f"',
      '<TOOLCALL>',
      '</TOOLCALL>',
      '<tool_calls>',
      'functools',
      '<|tools_prefix|>',
      '{"f": ',
      '<|function_call|>',
      '<|tool_calls|>',
      '<|tool_call:begin|>',
      '<|tool_call:name|>',
      '<|tool_call:args|>',
      '<|tool_call>',
      '<tool_call|>',
      'call:f{',
      '<|"|>',
      ':',
    ]
    // What is no text in these: tags at the end of calls, headers.
    const unlike = ['pythonic', 'harmony', 'functionary', 'kimi-k3']
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: 1 + below(24) }, () => bits[below(bits.length)]).join('')
      const whole = formats.map((format) => ({ format, answer: read(tools(format), [text]) }))
      const cut = formats.map((format) => ({ format, answer: read(tools(format), text.split('')) }))
      expect({ text, answers: cut }).toEqual({ text, answers: whole })
      // Nothing is lost: without a call all of the text is content.
      const lost = whole.filter(
        ({ format, answer }) =>
          answer.calls.length === 0 &&
          !unlike.some((one) => format.startsWith(one)) &&
          answer.content !== text,
      )
      expect({ text, lost }).toEqual({ text, lost: [] })
    }
  })

  it('OutputParser takes time in proportion to the text', () => {
    const nasty = [
      (n: number) => `<tool_call>{"name":"f","arguments":{'${' '.repeat(n)}`,
      (n: number) => `<tool_call>{"name":"f","arguments":{"a":"${'<'.repeat(n)}`,
      (n: number) => '<tool_call>'.repeat(n / 11),
      (n: number) => `${'[TOOL_CALLS]'.repeat(n / 24)}${' '.repeat(n / 2)}`,
      (n: number) => `[TOOL_CALLS]${' '.repeat(n)}`,
      (n: number) => `[f(a=${'['.repeat(n)}`,
      (n: number) => `<function=f><parameter=x>${'['.repeat(n)}</parameter>`,
      (n: number) => `<function=f>${'<parameter=x>1</parameter>'.repeat(n / 26)}`,
      (n: number) => `<tool_call>f${'<arg_key>'.repeat(n / 9)}`,
      (n: number) => `]<]minimax[>[<invoke name="f">${']<]minimax[>[<x>'.repeat(n / 16)}`,
      (n: number) => `]<]minimax[>[<invoke name="f">]<]minimax[>[<${'x'.repeat(n)}`,
      (n: number) => `<function name="f"><param name="s"><![CDATA[${'</param>'.repeat(n / 8)}`,
      (n: number) => `{"name":"f","parameters":${'['.repeat(n)}`,
      (n: number) => ' '.repeat(n),
      (n: number) => `<|tool_call>call:f{a:${' '.repeat(n / 2)}x${'"'.repeat(n / 2)}`,
      (n: number) => `<|tool_call>call:f{a:${'{'.repeat(n)}`,
      (n: number) => 'Action:'.repeat(n / 7),
    ]
    for (const make of nasty) {
      for (const format of formats) {
        const pieces = make(100_000).match(/[\s\S]{1,4}/g) ?? []
        const used = cpuWatch()
        const parser = new OutputParser({ ...tools(format), ...thinking(false) })
        for (const piece of pieces) parser.push(piece)
        parser.flush()
        expect(used()).toBeLessThan(1500)
      }
    }
  })
})

describe('an answer that is a document or calls', () => {
  const output = {
    tools: { format: 'mistral-args', offered: new Map(), single: false, opening: '[TOOL_CALLS]' },
  }

  it('an answer that may be a document or calls is a document unless it begins as calls do', () => {
    for (const document of ['{"a": "[TOOL_CALLS]f{}"}', '[TOOL_CALL', '[1]', ''])
      expect(readAll(output, document)).toEqual({ reasoning: '', content: document, calls: [] })
    expect(readAll(output, '[TOOL_CALLS]f[ARGS]{}')).toEqual({
      reasoning: '',
      content: '',
      calls: [{ name: 'f', arguments: '{}' }],
    })
  })
})

describe('reasoning', () => {
  const thought = (reasoning: string, content: string): Answer => ({ reasoning, content, calls: [] })
  const cases: [string, boolean, string, Answer][] = [
    ['opened by the prompt', true, '2 and 2\n</think>\n\n4', thought('2 and 2', '4')],
    ['opened by the model', false, '\n<think>\n2 and 2\n</think>\n\n4 \n', thought('2 and 2', '4 \n')],
    ['none', false, '4 is the answer', thought('', '4 is the answer')],
    ['none, with white space before', false, '\n 4', thought('', '\n 4')],
    ['only white space', false, ' \n', thought('', ' \n')],
    ['empty', false, '<think>\n\n</think>\n\n4', thought('', '4')],
    ['never closed', true, 'and so on <', thought('and so on <', '')],
    ['tags in the answer', false, 'Write <think> and </think>', thought('', 'Write <think> and </think>')],
    ['a second thought', true, 'a</think>b<think>c</think>', thought('a', 'b<think>c</think>')],
    ['closed and never opened', false, '</think>\n\n4 </think>', thought('', '4 </think>')],
    ['half a tag', false, '<thi', thought('', '<thi')],
    ['half a closing tag', true, 'why </thi', thought('why </thi', '')],
    ['a tag of another kind', false, '<thin> x', thought('', '<thin> x')],
    ['closed and never opened', false, '</think>\n\n4 </think>', thought('', '4 </think>')],
    ['white space inside', true, ' a\n\n b </think>c', thought('a\n\n b', 'c')],
  ]
  it.each(cases)('OutputParser separates reasoning from content: %s', (_name, opened, text, expected) => {
    expect(readAll(thinking(opened), text)).toEqual(expected)
  })

  const tagsOf = (template: string): ReasoningTags => {
    const tags = recogniseReasoning(template)
    if (tags === undefined) throw new Error(`no tags in ${template}`)
    return tags
  }
  const response = '<|START_RESPONSE|>'
  const solar = '<|begin|>assistant<|think|>'
  const apriel = '[BEGIN FINAL RESPONSE]'
  const families: [string, string, boolean, string, Answer][] = [
    ['Gemma 4', '<|channel>thought', false, '<|channel>thought\nhm\n<channel|>Hi', thought('hm', 'Hi')],
    ['Gemma 4, empty', '<|channel>thought', false, '<|channel>thought\n<channel|>Hi', thought('', 'Hi')],
    ['Apertus', '<|inner_prefix|>', false, '<|inner_prefix|>hm<|inner_suffix|>Hi', thought('hm', 'Hi')],
    [
      'Command',
      response,
      false,
      '<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>Hi<|END_RESPONSE|>',
      thought('hm', 'Hi'),
    ],
    ['Command, opened', response, true, 'hm<|END_THINKING|>\n<|START_RESPONSE|>Hi', thought('hm', 'Hi')],
    [
      'Command without a thought',
      response,
      false,
      '<|START_RESPONSE|>Hi<|END_RESPONSE|> \n',
      thought('', 'Hi'),
    ],
    ['Command without its tags', response, true, 'hm<|END_THINKING|> Hi <', thought('hm', 'Hi <')],
    [
      'Command with a tag in its text',
      response,
      false,
      '<|START_RESPONSE|>a <|START_RESPONSE|> <|END_RESPONSE|> b<|END_RESP',
      thought('', 'a <|START_RESPONSE|> <|END_RESPONSE|> b<|END_RESP'),
    ],
    [
      'Command, later',
      '<|START_TEXT|>',
      true,
      'hm<|END_THINKING|><|START_TEXT|>Hi<|END_TEXT|>',
      thought('hm', 'Hi'),
    ],
    ['Solar', solar, false, '<|think|>hm<|end|><|begin|>assistant<|content|>Hi<|end|>', thought('hm', 'Hi')],
    ['Solar without a thought', solar, false, '<|content|>Hi', thought('', 'Hi')],
    ['Apriel', apriel, true, 'hm\n[BEGIN FINAL RESPONSE]\nHi\n[END FINAL RESPONSE]\n', thought('hm', 'Hi\n')],
    ['Apriel, cut', apriel, true, 'hm\n[BEGIN FIN', thought('hm\n[BEGIN FIN', '')],
  ]
  it.each(families)('a thought of %s is no content', (_name, template, opened, text, expected) => {
    expect(readAll({ reasoning: { tags: tagsOf(template), opened } }, text)).toEqual(expected)
  })

  it('a thought of Apertus may end with a call', () => {
    const reasoning = { tags: tagsOf('<|inner_prefix|>'), opened: false }
    const text = '<|inner_prefix|>hm<|tools_prefix|>[{"f": {}}]<|tools_suffix|>'
    expect(readAll({ reasoning, ...tools('apertus') }, text)).toEqual({
      reasoning: 'hm',
      content: '',
      calls: [{ name: 'f', arguments: '{}' }],
    })
  })

  it('a thought ends where content begins, behind any tag', () => {
    const text = '<|START_THINKING|>hm<|END_THINKING|>\n<|START_RESPONSE|> Hi'
    for (const pieces of [[text], text.split('')]) {
      const parser = new OutputParser({ reasoning: { tags: tagsOf(response), opened: false } })
      for (const piece of pieces) parser.push(piece)
      expect(parser.contentStart).toBe(text.indexOf(' Hi'))
    }
  })

  it('OutputParser reads reasoning that comes before calls', () => {
    const text = `hm\n</think>\n\nI call.\n<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>`
    expect(readAll({ ...thinking(true), ...tools('hermes') }, text)).toEqual({
      reasoning: 'hm',
      content: 'I call.',
      calls: [{ name: 'f', arguments: '{}' }],
    })
  })

  it('endsInThought finds whether a prompt ends inside a thought', () => {
    expect(endsInThought('<|im_start|>assistant\n<think>\n', think)).toBe(true)
    expect(endsInThought('<|im_start|>assistant\n<think>\n\n</think>\n\n', think)).toBe(false)
    expect(endsInThought('<|assistant|>\n', tagsOf(apriel))).toBe(true)
  })

  it('recogniseReasoning finds the tags of a template', () => {
    expect(recogniseReasoning("{% if '</think>' in content %}")).toEqual(think)
    expect(recogniseReasoning("'You are MiMo, an AI assistant'")).toEqual(think)
    expect(recogniseReasoning('{{ message.content }}')).toBeUndefined()
  })
})
