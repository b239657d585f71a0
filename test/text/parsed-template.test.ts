import { fileURLToPath } from 'node:url'
import { Template } from '@huggingface/jinja'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LlamaVocabulary, openVocabulary } from '../../src/engine/llama/vocabulary.ts'
import { keepParsed } from '../../src/text/template/parsed-template.ts'

let vocabulary: LlamaVocabulary

beforeAll(async () => {
  vocabulary = await openVocabulary(
    fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url)),
  )
})
afterAll(() => vocabulary.close())

describe('keepParsed', () => {
  it('keepParsed parses a template once for any number of renders, and the next template again', () => {
    const parsed: string[] = []
    const render = keepParsed((template) => {
      parsed.push(template)
      return new Template(template)
    })
    const texts = ['a', 'b', 'c'].map((x) => render('one {{ x }}', { x }))
    expect([...texts, render('two', {}), render('two', {})]).toEqual([
      'one a',
      'one b',
      'one c',
      'two',
      'two',
    ])
    expect(parsed).toEqual(['one {{ x }}', 'two'])
  })

  // What llama.cpp moves about in a template while it renders is back in its place afterwards.
  it.each([
    "{% if x == 1 %}{{ raise_exception('no') }}{% endif %}{{ x }}",
    '{% filter upper %}hi {{ x }}{% if x == 1 %}{{ raise_exception() }}{% endif %}{% endfilter %}!',
    '{% set x = x ~ "z" %}{{ x }}',
    '{% macro m(y) %}<{{ y }}>{% endmacro %}{{ m(x) }}',
    '{% set ns = namespace(a=0) %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}',
  ])('llama.cpp renders %j the second time as the first, also after a failure', (template) => {
    const rendered = (x: unknown): string => {
      try {
        return vocabulary.renderJinja(template, { x })
      } catch {
        return 'refused'
      }
    }
    const [first, , again, , last] = ['a', 'b', 'a', 1, 'a'].map(rendered)
    expect(first).not.toBe('refused')
    expect([again, last]).toEqual([first, first])
  })

  it('keepParsed leaks no memory over two thousand chats with a long template', () => {
    const block = "{% if tools %}{{ 'a' + messages[0].content }}{% endif %}"
    const template = block.repeat(100)
    const before = process.memoryUsage().rss
    for (let chat = 0; chat < 2000; chat++) vocabulary.renderJinja(template, { messages: [] })
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000)
  })
})
