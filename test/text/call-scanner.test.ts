import { describe, expect, it } from 'vitest'
import { CallScanner } from '../../src/text/scan/call-scanner.ts'
import type { Begun, CallSyntax, Head } from '../../src/text/scan/call-syntax.ts'
import { either, literal, objects, one, SPACE, skip, upTo, within } from '../../src/text/scan/heads.ts'
import { JsonArguments } from '../../src/text/scan/json-arguments.ts'

/** What a sink hears, pieces of the same kind joined; calls are `[name:arguments]`, without the bracket where they do not end. */
function heard(syntax: CallSyntax, pieces: readonly string[]): string {
  let all = ''
  const scanner = new CallScanner(
    {
      text: (text) => {
        all += text
      },
      thought: () => {},
      call: (name) => {
        all += `[${name}:`
      },
      args: (text) => {
        all += text
      },
      callEnd: () => {
        all += ']'
      },
    },
    syntax,
  )
  for (const piece of pieces) scanner.push(piece)
  scanner.end()
  return all
}

const call = (name: string, next?: Head): Begun => ({
  read: (sink) => new JsonArguments(sink, name),
  ...(next && { next }),
})
/** f{…}, g{…} */
const named: Head = () => upTo('{', /^[a-z]{1,3}$/, (name) => call(name, skip(SPACE, one(',', named))))()
const tagged: CallSyntax = { opens: { '<call>': named }, tags: ['<other>'] }
const closed: CallSyntax = { opens: { '<call>': skip(SPACE, named) }, close: '</call>' }
const leading: CallSyntax = { ...tagged, leading: named, ends: ['<end>'] }

describe('CallScanner', () => {
  it.each<[what: string, syntax: CallSyntax, text: string, heard: string]>([
    ['finds a call between texts', tagged, 'a <call>f{"x":1} b', 'a [f:{"x":1}] b'],
    ['finds a further call without a tag', tagged, '<call>f{},g{}', '[f:{}][g:{}]'],
    ['finds none further where the head does not fit', tagged, '<call>f{};g{}', '[f:{}];g{}'],
    ['takes a head that does not fit for text', tagged, '<call>F{} <call>long{}', '<call>F{} <call>long{}'],
    ['takes a head that is cut for text', tagged, '<call>f', '<call>f'],
    ['finds the call behind a head that a tag cuts', tagged, '<call>f<call>g{}', '<call>f[g:{}]'],
    [
      'takes a tag in a string for what is written',
      tagged,
      '<call>f{"<call>":"<other>"}',
      '[f:{"<call>":"<other>"}]',
    ],
    ['ends arguments at a tag', tagged, '<call>f{"x":<other> b', '[f:{"x":]<other> b'],
    [
      'passes broken arguments on to the next tag',
      tagged,
      "<call>f{'x'}, b <call>g{}",
      "[f:{'x'}, b ][g:{}]",
    ],
    ['ends a call that is cut', tagged, '<call>f{"x', '[f:{"x]'],
    ['takes the beginning of a tag for text in the end', tagged, 'a <cal', 'a <cal'],
    ['reads a head again where a closing tag is awaited', closed, '<call> <call>f{}', '<call> [f:{}]'],
    [
      'passes broken arguments on to the closing tag',
      closed,
      "<call>f{'<call>' \n</call>",
      "[f:{'<call>']</call>",
    ],
    ['finds a call that begins an answer', leading, 'f{}', '[f:{}]'],
    ['finds no call without a tag further on', leading, 'a f{} <call>f{}', 'a f{} [f:{}]'],
    ['leaves out a tag that ends, and finds a call behind it', leading, 'f<end>g{}', 'f[g:{}]'],
    ['leaves out a tag that ends nothing', leading, '1<end>g{}', '1g{}'],
  ])('CallScanner %s', (_what, syntax, text, expected) => {
    expect(heard(syntax, [text])).toBe(expected)
    expect(heard(syntax, text.split(''))).toBe(expected)
    for (let cut = 1; cut < text.length; cut++)
      expect(heard(syntax, [text.slice(0, cut), text.slice(cut)]), `cut at ${cut}`).toBe(expected)
  })
})

describe('the head of a call', () => {
  const tag = '<tag>'
  it.each<[what: string, head: Head, fits: string[], fitsNot: string[]]>([
    ['one', one('{', call('f')), ['{'], ['x', ' ']],
    ['skip', skip(/[\s;]/, one('{', call('f'))), ['{', ' ; {'], ['x', ' x', '<']],
    ['literal', literal('abc', call('f')), ['abc'], ['b', 'ac', 'abx']],
    ['upTo', upTo(':', /^\w{1,3}$/, call), ['abc:', 'a:'], ['abcd', 'a ', ' ']],
    ['within', within(3, skip(SPACE, one('{', call('f')))), ['   {'], ['    ']],
    ['either', either(one('[', call('f')), literal('ab', call('f'))), ['[', 'ab'], ['x', 'ax']],
    ['objects', objects(/[\s,]/), [', {'], ['[', ';']],
  ])('the head of %s matches its own text, and no tag', (_what, head, fits, fitsNot) => {
    for (const text of [...fits, ...fitsNot]) {
      const step = head()
      const outcomes = text.split('').map(step)
      const last = outcomes.pop()
      expect(
        outcomes.every((outcome) => outcome === 'more'),
        text,
      ).toBe(true)
      if (fits.includes(text)) expect(last, text).toBeInstanceOf(Object)
      else expect(last, text).toBe('text')
    }
    expect(head()(tag)).toBe('text')
  })
})
