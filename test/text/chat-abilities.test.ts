import { readFileSync } from 'node:fs'
import { Template } from '@huggingface/jinja'
import { describe, expect, it } from 'vitest'
import { OutputParser } from '../../src/text/output/output-parser.ts'
import { chatAbilities } from '../../src/text/template/chat-abilities.ts'
import type { ChatMessage, ChatTool } from '../../src/text/template/chat-message.ts'
import { renderChat } from '../../src/text/template/chat-template.ts'
import { ControlTokenGuard } from '../../src/text/template/control-tokens.ts'
import { toolFormatNamed } from '../../src/text/tool-formats/formats.ts'

const builtIn = readFileSync(new URL('../../tools/model/template.jinja', import.meta.url), 'utf8')

describe('chatAbilities', () => {
  // What each family's template says of its calls; `tools` must be a variable of it.
  const offering = (text: string): string => `{%- if tools %}{{ ${JSON.stringify(text)} }}{%- endif %}`
  it.each([
    ['hermes', 'return a json object within <tool_call></tool_call> XML tags'],
    [
      'llama-json',
      'Respond in the format {"name": function name, "parameters": dictionary of argument name and its value}.',
    ],
    [
      'pythonic',
      'in the format of [func_name1(params_name1=params_value1, params_name2=params_value2...), func_name2(params)]',
    ],
    ['mistral', '[TOOL_CALLS]'],
    ['pythonic-tags', '<|tool_call_start|>['],
    ['harmony', '<|start|>assistant<|channel|>final<|message|>'],
    ['granite', 'write <|tool_call|> followed by a JSON list of tools'],
    ['functionary', '>>>all'],
    ['command', 'writing <|START_ACTION|> followed by a list of JSON-formatted tool calls'],
    ['command-plus', "Write 'Action:' followed by a json-formatted list of actions that you want to perform"],
    ['nemotron', '<TOOLCALL>[{"name": "tool_name1", "arguments": "tool_args1"}]</TOOLCALL>'],
    ['apriel', '<tool_calls>[{"name": <function-name-1>, "arguments": <args-dict-1>}]</tool_calls>'],
    ['firefunction', 'formatted as functools[{"name": [function name], "arguments": {}}]'],
    ['apertus', '<|tools_prefix|>['],
    ['gigachat', 'The `function call` role. <|role_sep|>'],
    ['gigachat-tag', 'The `function call` role. <|role_sep|> <|function_call|>'],
    ['solar', '<|tool_call:begin|><tool-call-id><|tool_call:name|><tool-name><|tool_call:args|>'],
    ['function-tags', '<function=example_function_name>{"example_name": "example_value"}</function>'],
    ['gemma', '<|tool_call>call:f{a:<|"|>b<|"|>}<tool_call|>'],
    ['pythonic-tags', 'List of tools: ['],
    ['pythonic-tags', 'List of tools: <|tool_list_start|>['],
    // Recognised by several formats.
    ['granite', '<|tool_call|> or <tool_call>'],
    ['mistral-args', '[TOOL_CALLS]name[ARGS]'],
    ['deepseek-r1', '<｜tool▁call▁begin｜>function<｜tool▁sep｜>name\n```json'],
    ['pythonic-tags', '<|tool_call_start|>[func_name1(a=1)]<|tool_call_end|>'],
    [
      'hermes',
      '<tool_call>{"name": "f", "parameters": dictionary of argument name and its value}</tool_call>',
    ],
    // Known by their tags, and not by what stands between them.
    ['qwen-xml', '<tool_call>\n<function=example_function_name>\n<parameter=example_parameter_1>'],
    ['deepseek', '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>name<｜tool▁sep｜>'],
    ['json', '<tool_call>\n<function=example_function_name>'],
    ['glm', '<tool_call>{function-name}\n<arg_key>{arg-key-1}</arg_key>\n<arg_value>'],
    ['glm-dense', '<tool_call>{function-name}<arg_key>{arg-key-1}</arg_key><arg_value>'],
    ['hunyuan', "'<tool_sep{}>'.format(':opensource')"],
    ['seed', '<seed:tool_call>\n<function=example_function_name>\n<parameter=example_parameter_1>'],
    ['minimax', '<minimax:tool_call>\n<invoke name="tool-name-1">'],
    [
      'minimax-m1',
      '<tool_calls>\n{"name": <tool-name>, "arguments": <args-json-object>}\n...\n</tool_calls>',
    ],
    ['kimi', '<|tool_calls_section_begin|><|tool_call_begin|>id<|tool_call_argument_begin|>'],
    ['minimax-m3', ']<]minimax[>[<tool_call>'],
    ['kimi-k3', "'<|open|>' open_tag('tools')"],
    ['dsml', '<｜DSML｜tool_calls>'],
    ['dsml-functions', '<｜DSML｜function_calls>'],
    ['minicpm', '<function name="function-name"><param name="param-name">'],
    ['json', 'no calls'],
  ])('chatAbilities finds the tool format %s', (format, text) => {
    expect(chatAbilities(offering(text), []).toolFormat).toBe(format)
  })

  it('chatAbilities finds no format in a template that does not read `tools`', () => {
    expect(chatAbilities("{{ 'tools <tool_call>' }} tools", []).toolFormat).toBe('json')
    expect(chatAbilities("{{ message.tools }} '<tool_call>'", []).toolFormat).toBe('json')
  })

  it('chatAbilities finds the variables that a template reads, and none that it only mentions', () => {
    const template =
      "enable_thinking {%- if thinking is defined %}{{ 'reasoning_effort' }}{% endif %}{{ m.enable_thinking }}"
    expect(chatAbilities(template, []).variables).toEqual(['thinking'])
  })

  it('chatAbilities finds the control tokens that are markup', () => {
    const template = "{% if tools %}[TOOL_CALLS]{% endif %}{{ '[THINK]' }}"
    const control: [number, string][] = [
      [1, '<s>'],
      [5, '[THINK]'],
      [6, '[/THINK]'],
      [9, '[TOOL_CALLS]'],
    ]
    const { reasoningMarkers, toolMarkers } = chatAbilities(template, control)
    expect(reasoningMarkers).toEqual(control.slice(1, 3))
    expect(toolMarkers).toEqual(control.slice(3))
  })

  it('every control token that a tag around thoughts or answers is made of is a marker', () => {
    const control = ['<s>', '<|begin|>', '<|end|>', '<|think|>', '<|content|>', '<|user|>', ''].map(
      (text, id): [number, string] => [id, text],
    )
    const { reasoning, reasoningMarkers } = chatAbilities("{{ '<|begin|>assistant<|think|>' }}", control)
    expect(reasoning?.close).toBe('<|end|><|begin|>assistant')
    expect(reasoningMarkers).toEqual(control.slice(1, 5))
  })

  it('chatAbilities finds the tool format and the thoughts of the built-in model', () => {
    expect(chatAbilities(builtIn, [])).toEqual({
      toolFormat: 'hermes',
      reasoning: { open: '<think>', close: '</think>' },
      variables: ['enable_thinking'],
      reasoningMarkers: [],
      toolMarkers: [],
    })
  })
})

const guard = new ControlTokenGuard([])
const options = {
  bos: '',
  eos: '',
  guard,
  strictGuard: guard,
  renderers: [(template: string, variables: object) => new Template(template).render({ ...variables })],
}
const user: ChatMessage = { role: 'user', content: 'Hi' }
const tools: ChatTool[] = [{ type: 'function', function: { name: 'f', parameters: {} } }]
const calls: ChatMessage = {
  role: 'assistant',
  content: 'I look.',
  tool_calls: [1, 2].map((n) => ({
    id: `call_${n}`,
    type: 'function',
    function: { name: 'f', arguments: JSON.stringify({ n, text: 'a "b" \\ é\n</tool_call>' }) },
  })),
}

describe('a call that a template has written', () => {
  it('the parser reads the calls that the built-in template renders', () => {
    const render = (messages: ChatMessage[]): string =>
      renderChat({ messages, tools, kwargs: {} }, { ...options, template: builtIn }).join('')
    const written = render([user, calls]).slice(render([user]).length)
    const parser = new OutputParser({
      tools: { format: 'hermes', offered: new Map([['f', {}]]), single: false },
    })
    const parts = [...parser.push(written.slice(0, written.indexOf('<|im_end|>'))), ...parser.flush()]
    expect(parts.filter(({ type }) => type === 'text')).toEqual([{ type: 'text', text: 'I look.' }])
    const texts = parts.flatMap((part) => (part.type === 'arguments' ? [part.text] : []))
    expect(texts.map((text) => JSON.parse(text))).toEqual(
      calls.tool_calls?.map((call) => JSON.parse(call.function.arguments)),
    )
  })
})

describe('call ids', () => {
  const made = toolFormatNamed('mistral')?.callId
  const callId = (id: string): string => made?.(id, 'f', 0) ?? id

  it('call ids become valid for Mistral templates, and equal ids stay equal', () => {
    const ids = Array.from({ length: 2000 }, (_, n) => callId(`call_${n}`))
    for (const id of ids) expect(id).toMatch(/^[a-zA-Z0-9]{9}$/)
    expect(new Set(ids).size).toBe(ids.length)
    expect(callId('call_7')).toBe(ids[7])
    expect(callId('abcDEF123')).toBe('abcDEF123')
  })

  it('call ids reach the template in calls and in results', () => {
    const template =
      '{% for m in messages %}{{ m.tool_call_id }}{% for c in m.tool_calls or [] %}{{ c.id }},{% endfor %}{% endfor %}'
    const messages: ChatMessage[] = [calls, { role: 'tool', content: 'x', tool_call_id: 'call_2' }]
    const text = renderChat({ messages, tools, kwargs: {} }, { ...options, template, callId }).join('')
    expect(text).toBe(`${callId('call_1')},${callId('call_2')},${callId('call_2')}`)
  })

  it('ids for Kimi name the function and count the calls of a message', () => {
    const template =
      '{% for m in messages %}{{ m.tool_call_id }}{% for c in m.tool_calls or [] %}{{ c.id }},{% endfor %};{% endfor %}'
    const results = ['call_2', 'call_1', 'gone'].map(
      (id): ChatMessage => ({ role: 'tool', content: 'x', tool_call_id: id }),
    )
    const kimi = toolFormatNamed('kimi')?.callId
    const text = renderChat(
      { messages: [calls, ...results, calls], tools, kwargs: {} },
      { ...options, template, ...(kimi && { callId: kimi }) },
    ).join('')
    const both = 'functions.f:0,functions.f:1,'
    expect(text).toBe(`${both};functions.f:1;functions.f:0;functions.unknown:0;${both};`)
  })
})
