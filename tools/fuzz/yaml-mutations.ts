import type { Draw } from './draw.ts'

const bomb = [
  'a: &a [x,x,x,x,x,x,x,x,x]',
  ...'bcdefghi'.split('').map((name, index) => `${name}: &${name} [${`*${'abcdefgh'[index]},`.repeat(9)}]`),
].join('\n')

const pieces: readonly string[] = [
  bomb,
  'x: &x [*x]',
  '<<: *missing',
  '? [a, b]\n: c',
  '!!js/function "function(){}"',
  '!!binary "AAAA"',
  'a: !<tag:evil> b',
  '- - - - -',
  '[[[[[[',
  '{'.repeat(2000),
  '['.repeat(20_000),
  '\t tab: 1',
  '--- \n...\n---',
  '%YAML 9.9\n---',
  '__proto__: {polluted: true}',
  'constructor: 1',
  '"\\ud800": 1',
  'port: 99999999999999999999999',
  'port: -1',
  'port: 0x50',
  'port: 1e400',
  'port: [8080]',
  'port: {a: 1}',
  'slots: .nan',
  'slots: .inf',
  'slots: 2026-01-01',
  'slots: null',
  'model: 5',
  'model: true',
  `unknown-${'y'.repeat(3000)}: 1`,
  ...['name: a', 'key: 5', 'key: null', 'max_concurrent: 1.5', 'name: "../x"', 'extra: 1'].map(
    (line) => `  - ${line}`,
  ),
]

/** The text with a line too many, too few, or in another place. */
export function breakYaml(text: string, draw: Draw): string {
  const lines = text.split('\n')
  const at = draw.below(lines.length)
  draw.of<() => void>([
    () => lines.splice(at, 0, draw.of(pieces)),
    () => lines.splice(at, 1, draw.of(pieces)),
    () => lines.splice(at, 1),
    () => lines.splice(at, 0, lines[at] ?? ''),
    () => lines.splice(at, 1, `  ${lines[at]}`),
    () => lines.splice(at, 1, (lines[at] ?? '').trimStart()),
    () => lines.splice(at, 1, (lines[at] ?? '').replace(/: .*/, `: ${draw.of(pieces)}`)),
  ])()
  return lines.join('\n')
}
