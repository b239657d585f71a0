import { expect, it } from 'vitest'
import { holders, numberedRows, textOf } from '../support/held-by.ts'

const rows = numberedRows('docs/kserve-contract.md')

it('has all rows of the contract, in order', () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 37 }, (_, index) => index + 1))
})

it.each(rows)('row $number is held by what it names, or says that it is not there', ({ held }) => {
  const named = holders(held)
  if (named.length === 0) expect(held).toMatch(/^Not there/)
  for (const { path, words } of named) expect(textOf(path)).toContain(words)
})
