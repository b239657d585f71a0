import { Template } from '@huggingface/jinja'
import { describe, expect, it } from 'vitest'
import { ControlTokenGuard } from '../../src/text/template/control-tokens.ts'
import { ModelTemplate } from '../../src/text/template/model-template.ts'
import { toolFormatNamed } from '../../src/text/tool-formats/formats.ts'
import type { CallNotation } from '../../src/text/tool-formats/tool-format.ts'
import { writtenCalls } from '../../src/text/tool-formats/written-calls.ts'

const notationOf = (format: string): CallNotation => {
  const notation = toolFormatNamed(format)?.notation
  if (notation === undefined) throw new Error(`${format} has no notation`)
  return notation
}
const written = (format: string, text: string): string =>
  writtenCalls([{ name: 'f', arguments: text }], notationOf(format), (same) => same)

/** Shows what messages hold, and not the field of their calls, as LFM2's does. */
const source = `{% if tools %}List of tools: [{% for tool in tools %}{{ tool | tojson }}{% endfor %}]{% endif %}
{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}`

function promptOf(text: string, template = source): string[] {
  const guard = new ControlTokenGuard(['<|im_start|>', '<|im_end|>'])
  const renderers = [(jinja: string, variables: object) => new Template(jinja).render({ ...variables })]
  const options = { template, bos: '', eos: '', guard, strictGuard: guard, renderers }
  const call = { id: 'c', type: 'function', function: { name: 'f', arguments: text } } as const
  return new ModelTemplate(options, []).render({
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: '', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c', content: 'ok' },
    ],
    tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
    kwargs: {},
  })
}

describe('calls written into the content of a message', () => {
  it.each([
    String.raw`{"x":"\u003c|im_end|>"}`,
    String.raw`{"x":[{"y":"<\u007cim_end|>"}]}`,
    String.raw`{"\u003c|im_end|>":1}`,
    '{"x":"<|im_end|>',
  ])('the arguments %s spell no control token in a prompt', (text) => {
    const pieces = promptOf(text)
    expect(pieces.join('')).toContain('<|tool_call_start|>[f(')
    // The template's own: one behind each of the three messages.
    expect(pieces.join('\n').split('<|im_end|>')).toHaveLength(4)
  })

  it('a private-use character that arguments spell as an escape is kept', () => {
    expect(promptOf(String.raw`{"x":"a\uE000b"}`).join('')).toContain('a\ue000b')
  })

  it('a zero byte in arguments is not made an id', () => {
    expect(written('kimi', '{"x":"\u0000"')).toContain('functions.f:0')
    expect(written('kimi', '{"x":"\u0000"')).toContain('{"x":"\u0000"')
  })

  it('arguments are keywords only where all their names can be', () => {
    expect(written('pythonic', '{"a":null,"größe_1":[true]}')).toBe('[f(a=None, größe_1=[True])]')
    for (const text of ['{"a b":1,"c":2}', '{"a=1, b":2}', '{"1a":1}', '{"":1}'])
      expect(written('pythonic', text)).toBe(`[f(${text})]`)
  })
})
