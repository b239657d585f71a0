import type { Draw } from './draw.ts'
import { RawJson } from './json-text.ts'

/** Bytes of a bomb; the server under test takes a body of 1 MiB. */
const MOST = 900_000

const repeated = (text: string): string => text.repeat(Math.floor(MOST / Buffer.byteLength(text)))
const listed = (item: string): string => `[${repeated(`${item},`)}0]`
const numbered = (item: (index: number) => string, bytes: number): string =>
  Array.from({ length: Math.floor(MOST / bytes) }, (_, index) => item(index)).join(',')

/** Values that are small as text and costly otherwise: much structure, many names, long numbers, texts that are slow to read. */
const bombs: readonly (() => string)[] = [
  () => listed('['.repeat(100) + ']'.repeat(100)),
  () => listed('{}'),
  () => listed('[]'),
  () => `[${numbered((index) => `{"k${index}":1}`, 12)}]`,
  () => `{${numbered((index) => `"k${index}":1`, 12)}}`,
  () => `{${numbered((index) => `"${index * 7919}":1`, 14)}}`,
  () => listed('{"role":"user","content":"x"}'),
  () => listed('{"type":"text","text":"x"}'),
  () => listed('{"type":"object","properties":{"a":{"type":"string"}}}'),
  () => listed('"x"'),
  () => listed('17'),
  () => listed(`0.${'1'.repeat(900)}`),
  () => repeated('9'),
  () => `{"${repeated('k')}":1}`,
  () => `"${repeated('\\n')}"`,
  () => `"${repeated('\\"')}"`,
  () => `"${repeated('\\u4e2d')}"`,
  () => `"${repeated('👩‍👩‍👧‍👦')}"`,
  () => `"${repeated('天地')}"`,
  () => `"${repeated(' ')}"`,
  () => `"${repeated('a')}"`,
  () => `${repeated(' ')}1`,
]

export function drawBomb(draw: Draw): RawJson {
  return new RawJson(draw.of(bombs)())
}
