import { expect, it } from 'vitest'
import { holders, numberedRows, textOf } from '../support/held-by.ts'

const rows = numberedRows('docs/kserve-contract.md')

it('the KServe contract has all its rows, in order', () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 37 }, (_, index) => index + 1))
})

it.each(rows)('row $number of the KServe contract names a test, or says that there is none', ({ held }) => {
  const named = holders(held)
  if (named.length === 0) expect(held).toMatch(/^Not there/)
  for (const { path, words } of named) expect(textOf(path)).toContain(words)
})
