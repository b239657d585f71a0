import { expect, it } from 'vitest'
import { offencesIn } from '../../tools/prose/offences.ts'

const placesIn = (source: string, path = 'base/share.ts'): string[] =>
  offencesIn(path, source).map(({ line, rule }) => `${line}: ${rule}`)

it.each([
  'Of each.',
  'Those that wait.',
  'Whose work it is.',
  'The same, of all tenants.',
  'Where it listens.',
  'Until there is work.',
  'With `end`.',
  'It has ended.',
  'What is left.',
  'For a chat: milliseconds.',
  'When it aborts the server ends.',
])('the prose check finds a doc comment that cannot stand alone: %s', (text) => {
  expect(placesIn(`const a = 1\n/** ${text} */\n`)).toEqual([
    expect.stringContaining('2: a doc comment begins'),
  ])
  expect(placesIn(`/**\n * ${text}\n */`)).toEqual([expect.stringContaining('2: a doc comment begins')])
})

it.each([
  'Offset in the file.',
  'Whether it listens.',
  'Input of a call.',
  'Items that wait.',
  '@throws Error',
])('the prose check accepts a doc comment that stands alone: %s', (text) => {
  expect(placesIn(`/** ${text} */`)).toEqual([])
})

it.each([
  ['a comment', '// The gateway is told.', 'told'],
  ['a message', "throw new Error('nobody hears it')", 'hears'],
  ['an identifier', 'const tokensTold = 0', 'Told'],
  ['a private name', 'this.#tellAll()', 'tell'],
  ['a function', 'insist(ready)', 'insist'],
  ['the head of an answer', '// Refused at the door.', 'door'],
  ['a constant at the top', 'const MOST_TOKENS = 4', 'MOST_'],
  ['a constant at the bottom', 'const LEAST_AHEAD = 8', 'LEAST_'],
  ['the default tenant', 'return THE_ONE_TENANT', 'THE_ONE_'],
])('the prose check finds a private word in %s', (_where, line, word) => {
  expect(placesIn(`const a = 1\n${line}\n`)).toEqual([`2: '${word}' is no word of the field`])
})

it('the prose check finds a private word in the name of a file, and not in what imports it', () => {
  expect(placesIn('', 'http/door.ts')).toEqual(["1: 'door' is no word of the field"])
  expect(placesIn("import { Gate } from './door.ts'")).toEqual([])
})

it('the prose check does not find a private word inside another word', () => {
  expect(placesIn('createLlama(heartbeat, interstellar, outdoor, MOSTLY)')).toEqual([])
})
