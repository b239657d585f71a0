import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const textOf = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')

/** Number and last column of each row. */
const rows = [...textOf('docs/kserve-contract.md').matchAll(/^\| (\d+) \|.*\| (.+?) \|$/gm)].map(
  ([, number = '', held = '']) => ({ number: Number(number), held }),
)

it('has all rows of the contract, in order', () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 37 }, (_, index) => index + 1))
})

it.each(rows)('row $number is held by what it names, or says that it is not there', ({ held }) => {
  const named = /`([^`]+)`: (.+)$/.exec(held)
  if (named === null) expect(held).toMatch(/^Not there/)
  else expect(textOf(named[1] ?? '')).toContain(named[2])
})
