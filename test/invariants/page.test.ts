import { expect, it } from 'vitest'
import { mutants } from '../../tools/mutants/mutants.ts'
import { placeOf } from '../../tools/mutants/within-function.ts'
import { holders, numberedRows, textOf } from '../support/held-by.ts'

const rows = numberedRows('docs/invariants.md')

it('the page of invariants has forty rows, in order', () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))
})

it.each(rows)('invariant $number names the code and tests that check it', ({ held }) => {
  const named = holders(held)
  expect(named).toHaveLength(held.split('; `').length)
  for (const { path, words } of named) expect(textOf(path)).toContain(words)
})

it.each(mutants)('the mutant can be planted: $name', ({ file, within, find, replace }) => {
  expect(placeOf(find, textOf(file), within)).toBeDefined()
  expect(replace).not.toBe(find)
})
