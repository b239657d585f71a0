import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LlamaVocabulary, openVocabulary } from '../../src/engine/llama/vocabulary.ts'
import type { ChatMessage, ChatTool } from '../../src/text/template/chat-message.ts'
import { type Renderer, TemplateError } from '../../src/text/template/chat-template.ts'
import { ControlTokenGuard } from '../../src/text/template/control-tokens.ts'
import { ModelTemplate } from '../../src/text/template/model-template.ts'
import { calls, conversations } from '../../tools/templates/conversations.ts'
import { PAGE, templatesPage } from '../../tools/templates/table.ts'
import { realTemplates } from '../support/llama-source.ts'

const python = process.env['ALTIPLANO_TEST_PYTHON']
if (python === undefined)
  console.warn(
    'Renderings of templates: not compared, ALTIPLANO_TEST_PYTHON names no interpreter with test/clients/requirements.txt',
  )

const file = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const templates = realTemplates()
const guard = new ControlTokenGuard([])
let vocabulary: LlamaVocabulary
beforeAll(async () => {
  vocabulary = await openVocabulary(file('models/altiplano-demo.gguf'))
})
afterAll(() => vocabulary.close())

function opened(
  source: string,
  kwargs: Readonly<Record<string, unknown>> = {},
  render: Renderer = vocabulary.renderJinja,
): ModelTemplate {
  const renderers = [render]
  return new ModelTemplate(
    { template: source, bos: '<s>', eos: '</s>', guard, strictGuard: guard, renderers, kwargs },
    [],
  )
}
const real = (name: string): ModelTemplate =>
  opened(templates.find((one) => one.name === name)?.source ?? `{{ no template called ${name} }}`)
const text = (template: ModelTemplate, name: keyof typeof conversations): string =>
  template.render(conversations[name]).join('')

describe('real templates', () => {
  it('the page of templates is what npm run generate:templates writes', () => {
    const known = readFileSync(file(PAGE), 'utf8')
    expect(templatesPage(templates, vocabulary.renderJinja, python, known)).toBe(known)
  })

  it('no real template renders otherwise than with Jinja2', () => {
    expect(readFileSync(file(PAGE), 'utf8')).not.toMatch(/\| [^|]*differs: /)
  })

  it('calls of every real template are read again, and two calls with their results replayed', () => {
    const page = readFileSync(file(PAGE), 'utf8').split('\n')
    const rows = page.filter((line) => line.startsWith('| ')).map((line) => line.split(/(?<!\\) \| /))
    const named = rows.filter(([name = '']) => templates.some((one) => `| ${one.name}` === name))
    expect(named).toHaveLength(templates.length)
    expect(named.filter((cells) => cells[3] !== 'yes' || /refused|lost/.test(cells[5] ?? ''))).toEqual([])
  })

  it('a template that joins arguments to other text gets them as text: Functionary', () => {
    const prompt = text(real('meetkai-functionary-medium-v3.2'), 'two calls')
    expect(prompt).toContain('>>>get_weather\n{"city":"Köln","days":2}>>>')
  })

  it.each([
    ['meta-llama-Llama-3.1-8B-Instruct', '"name": "get_weather", "parameters": '],
    ['meta-llama-Llama-3.2-3B-Instruct', '"name": "get_weather", "parameters": '],
    ['meta-llama-Llama-3.3-70B-Instruct', '"name": "get_weather", "parameters": '],
    ['openai-gpt-oss-120b', 'assistant to=functions.get_weather'],
  ])('a template that takes one call a turn gets each with its result: %s', (name, call) => {
    const [, one = '', other = ''] = text(real(name), 'two calls').split(call)
    expect(one).toMatch(/^[\s\S]*Köln[\s\S]*12[\s\S]*$/)
    expect(one).not.toContain('31')
    expect(other).toMatch(/^[\s\S]*Ōsaka[\s\S]*31[\s\S]*$/)
  })

  it('results come in the order of the calls, as most templates write no ids', () => {
    const [user, calling, first, second] = conversations['two calls'].messages as ChatMessage[]
    const chat = { ...conversations.tools, messages: [user, calling, second, first] as ChatMessage[] }
    expect(real('Qwen-Qwen3-0.6B').render(chat).join('')).toMatch(/"celsius": 12[\s\S]*"celsius": 31/)
  })

  it('results have the name of the function: Kimi K2, Gemma 4', () => {
    const names = ['muse-glimmer', 'Kimi-K2-Thinking', 'google-gemma-4-31B-it']
    const native = names.map((name) => real(name)).filter(({ abilities }) => abilities.toolFormat !== 'json')
    for (const template of native) expect(text(template, 'two calls')).not.toContain('unknown')
    const source =
      "{% if tools and false %}<tool_call>{% endif %}{% for m in messages %}{% if m.role == 'tool' %}{{ m.name }}={{ m.content }};{% endif %}{% endfor %}"
    expect(text(opened(source), 'two calls')).toBe('get_weather={"celsius": 12};get_weather={"celsius": 31};')
    const [user, calling, first] = conversations['a call'].messages.slice(1) as [
      ChatMessage,
      ChatMessage,
      ChatMessage,
    ]
    const chat = { ...conversations.tools, messages: [user, calling, { ...first, name: 'own' }] }
    expect(opened(source).render(chat).join('')).toBe('own={"celsius": 12};')
  })

  it('a template that leaves calls out gets them as the model writes them: Granite 3', () => {
    expect(text(real('ibm-granite-granite-3.3-2B-Instruct'), 'two calls')).toContain(
      'assistant<|end_of_role|><|tool_call|>[{"name": "get_weather", "arguments": {"city":"Köln","days":2}}, ' +
        '{"name": "get_weather", "arguments": {"city":"Ōsaka","days":7}}]<|end_of_text|>',
    )
  })

  it.each([
    ['mistralai-Ministral-3-14B-Reasoning-2512', '[THINK]The user wants the weather.[/THINK]'],
    ['openai-gpt-oss-120b', '<|channel|>analysis<|message|>The user wants the weather.'],
    ['LFM2.5-8B-A1B', '<think>The user wants the weather.</think>'],
  ])('a template that reads earlier thoughts gets them: %s', (name, thought) => {
    const template = real(name)
    const { messages, kwargs } = conversations['a thought and a call']
    expect(template.render({ messages, tools: conversations.tools.tools, kwargs }).join('')).toContain(
      thought,
    )
  })

  it('arguments that are nested deeper than any engine follows are rendered', () => {
    const [user, , result] = conversations['a call'].messages.slice(1) as [
      ChatMessage,
      ChatMessage,
      ChatMessage,
    ]
    const text = `{"a": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`
    const deep = {
      id: 'call_A1',
      type: 'function' as const,
      function: { name: 'get_weather', arguments: text },
    }
    const calling: ChatMessage = { role: 'assistant', content: '', tool_calls: [deep] }
    for (const name of [
      'Qwen-Qwen3-0.6B',
      'meta-llama-Llama-3.1-8B-Instruct',
      'meetkai-functionary-medium-v3.2',
    ]) {
      const chat = { ...conversations.tools, messages: [user, calling, result] }
      expect(real(name).render(chat).join('').length).toBeGreaterThan(100_000)
    }
  })

  it('a thought that gpt-oss would refuse beside content and a call is left out', () => {
    const [user, , result] = conversations['a call'].messages.slice(1) as [
      ChatMessage,
      ChatMessage,
      ChatMessage,
    ]
    const calling: ChatMessage = {
      role: 'assistant',
      content: 'I look.',
      reasoning_content: 'Weather!',
      tool_calls: calls.slice(0, 1),
    }
    const chat = { ...conversations.tools, messages: [user, calling, result] }
    expect(real('openai-gpt-oss-120b').render(chat).join('')).toContain('I look.')
  })

  const now = new Date()
  const day = String(now.getDate()).padStart(2, '0')
  const month = now.toLocaleString('en-US', { month: 'short' })
  const iso = `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, '0')}-${day}`
  it.each([
    ['meta-llama-Llama-3.1-8B-Instruct', `Today Date: ${day} ${month} ${now.getFullYear()}\n`],
    ['meta-llama-Llama-3.2-3B-Instruct', `Today Date: ${day} ${month} ${now.getFullYear()}\n`],
    ['meta-llama-Llama-3.3-70B-Instruct', `Today Date: ${day} ${month} ${now.getFullYear()}\n`],
    ['fireworks-ai-llama-3-firefunction-v2', `Today is ${iso}.`],
    ['openai-gpt-oss-120b', `Current date: ${iso}\n`],
  ])('the template %s gets the date of today', (name, said) => {
    expect(text(real(name), 'plain')).toContain(said)
  })

  it('templates think by default as in Transformers, or as the operator sets it', () => {
    const source = templates.find(({ name }) => name === 'deepseek-ai-DeepSeek-V3.1')?.source ?? ''
    const ending = (kwargs: object, asked: object): string =>
      opened(source, { ...kwargs })
        .render({ ...conversations['no system'], kwargs: { ...asked } })
        .join('')
        .slice(-15)
    expect(ending({}, {})).toMatch(/<think><\/think>$/)
    expect(ending({ thinking: true }, {})).toMatch(/<think>$/)
    expect(ending({ thinking: true }, { thinking: false })).toMatch(/<think><\/think>$/)
  })
})

describe('a template that cannot be rendered', () => {
  it.each([
    ["line 1: 'for' is not ended", '{% for m in messages %}{{ m.content }}'],
    ["line 2: 'if' is not ended", '{% for m in messages %}\n{% if m %}{{ m.content }}\n{% endfor %}'],
    ["line 3: 'endif' ends nothing", '{{ bos_token }}\n{# {% if x %} #}\n{% endif %}'],
    ['line 2: Unknown statement: include', "{{ bos_token }}\n{% include 'x' %}"],
    ['line 3: ', '{% for m in messages %}\n\n{{ m.content }\n{% endfor %}'],
    ["line 2: Unknown (built-in) filter 'nofilter' for type Array", '\n{{ messages | nofilter }}'],
    [
      "line 2: Callee is not a function: got Undefined (hint: 'tool_text')",
      '{{ bos_token }}\n{{ tool_text() }}',
    ],
  ])('a broken template is reported with the place: %s', (fault, source) => {
    expect(opened(source).fault).toContain(fault)
  })

  it('a template that refuses messages is not reported as broken', () => {
    const refusing = opened("{{ raise_exception('Never.') }}")
    expect(refusing.fault).toBeUndefined()
    expect(templates.filter(({ source }) => opened(source).fault !== undefined)).toEqual([])
  })
})

describe('a refusal', () => {
  const user: ChatMessage = { role: 'user', content: 'Hi' }
  const answer: ChatMessage = { role: 'assistant', content: 'Hello' }
  const refusalOf = (template: ModelTemplate, messages: readonly ChatMessage[]) => {
    const chat = { messages, tools: [], kwargs: {} }
    try {
      return template.render(chat).join('')
    } catch (error) {
      return template.refusal(chat, error as TemplateError)
    }
  }

  it.each([0, 1, 6])('a refusal has the words of the template and the first such message: %i', (at) => {
    const source =
      "{% for m in messages %}{% if m.content == 'x' %}{{ raise_exception('No x, ' ~ m.role) }}{% endif %}{% endfor %}"
    const messages = Array.from({ length: 8 }, () => user).with(at, { role: 'assistant', content: 'x' })
    expect(refusalOf(opened(source), messages)).toEqual({ said: 'No x, assistant', at })
  })

  it('the message that a refusal is about is not searched among very many', () => {
    const source = "{% if messages | length > 1 %}{{ raise_exception('Too many') }}{% endif %}"
    const messages = Array.from({ length: 1001 }, (_, index) => (index % 2 === 0 ? user : answer))
    expect(refusalOf(opened(source), messages)).toEqual({ said: 'Too many', at: undefined })
    expect(refusalOf(opened(source), messages.slice(0, -1))).toEqual({ said: 'Too many', at: 1 })
  })

  it('the message that a refusal is about is not searched where calls or tools are long', () => {
    const source = "{% if messages | length > 1 %}{{ raise_exception('Too many') }}{% endif %}"
    const long = 'x'.repeat(100_001)
    const call = {
      id: 'c',
      type: 'function',
      function: { name: 'f', arguments: JSON.stringify({ long }) },
    } as const
    const calling: ChatMessage = { role: 'assistant', content: '', tool_calls: [call] }
    expect(refusalOf(opened(source), [user, calling])).toEqual({ said: 'Too many', at: undefined })
    const tool: ChatTool = { type: 'function', function: { name: 'f', description: long } }
    const chat = { messages: [user, answer], tools: [tool], kwargs: {} }
    const refusal = opened(source).refusal(chat, new TemplateError('', 'Too many'))
    expect(refusal).toEqual({ said: 'Too many', at: undefined })
  })

  it('the message that a refusal is about is searched with one rendering a try', () => {
    const source = "{% if messages | length > 500 %}{{ raise_exception('Too many') }}{% endif %}"
    const messages = Array.from({ length: 1000 }, (_, index) => (index % 2 === 0 ? user : answer))
    const chat = { messages, tools: [], kwargs: {} }
    let renderings = 0
    const template = opened(source, {}, (jinja, variables) => {
      renderings++
      return vocabulary.renderJinja(jinja, variables)
    })
    expect(() => template.render(chat)).toThrow(TemplateError)
    renderings = 0
    expect(template.refusal(chat, new TemplateError('', 'Too many'))).toEqual({ said: 'Too many', at: 500 })
    // Halving a thousand takes ten tries.
    expect(renderings).toBeLessThanOrEqual(11)
  })

  it('a failure of the template engine is no refusal', () => {
    const source = '{% if messages | length > 1 %}{{ nothing() }}{% endif %}'
    expect(refusalOf(opened(source), [user, answer])).toBeUndefined()
  })
})
