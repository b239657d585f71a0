import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { offencesInTestNames, placesInTestNames } from '../../tools/prose/test-names.ts'

const rulesFor = (name: string, head = 'it'): string[] =>
  offencesInTestNames(`\n${head}(${JSON.stringify(name)}, () => {})\n`).map(
    ({ line, rule }) => `${line}: ${rule}`,
  )

it.each([
  'are whole and within their bounds',
  'is the same as base64',
  'its topic names the model',
  'never echoes a stack',
  'of a Poisson process come in order',
  'refuses %s',
  'keeps the last batches only',
  'names no host',
  'answers what is good',
  'calls an answer an error',
])('the check of test names finds a name without a subject: %s', (name) => {
  const [first] = name.split(' ')
  expect(rulesFor(name)).toEqual([`2: a test's name begins with '${first}'`])
})

it.each([
  'log probabilities are reported for each of n choices',
  'SlotCache chooses the longest common prefix',
  'names of files in a folder are sorted',
  'answers without tokens have no usage',
  'requests that wait are counted',
  'across the replicas no stream is lost',
  'no slot is preempted for an equal',
  '%s refuses %j',
  '$field: $value is refused',
])('the check of test names accepts a sentence: %s', (name) => {
  expect(rulesFor(name)).toEqual([])
})

it.each(['it.skipIf', 'test', 'describe', 'it.each([1, 2])', 'describe.each(rows)', 'it.runIf(linux)'])(
  'the check of test names reads the name after %s',
  (head) => {
    expect(rulesFor('takes a lot', head)).toEqual(["2: a test's name begins with 'takes'"])
  },
)

it('the check of test names reads no other text', () => {
  expect(rulesFor('takes a lot', 'expect')).toEqual([])
  expect(rulesFor('takes a lot', 'await.it')).toEqual([])
})

it('the check of test names finds a name that is a placeholder, a private word, and a long name', () => {
  for (const name of ['%s', '$name', '%s: %j'])
    expect(rulesFor(name)).toEqual([`2: a test's name is only '${name}'`])
  expect(rulesFor('a stream is told its end')).toEqual(["2: 'told' is no word of the field"])
  expect(rulesFor('a'.repeat(110))).toEqual([])
  expect(rulesFor('a'.repeat(111))).toEqual(["2: a test's name has 111 characters, more than 110"])
})

it('the check of test names reads the test files of a folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'altiplano-names-'))
  for (const file of ['a.test.ts', 'b.contract.ts', 'c.ts'])
    writeFileSync(join(folder, file), `${'it'}('takes a lot', () => {})\n`)
  const places = placesInTestNames(pathToFileURL(`${folder}/`))
  rmSync(folder, { recursive: true })
  expect(places.map((place) => place.slice(0, 19))).toEqual(['test/a.test.ts:1: a', 'test/b.contract.ts:'])
})
