import { expect, it } from 'vitest'
import { helpText } from '../../src/config/describe.ts'
import { settings } from '../../src/config/schema.ts'
import { staleFiles } from '../../tools/generate.ts'

it('the generated docs are those of the source', async () => {
  expect(await staleFiles()).toEqual([])
})

it('the help text names every flag and variable in lines of at most 100 columns', () => {
  const help = helpText()
  for (const { flag, variables } of settings) {
    expect(help).toContain(`--${flag}`)
    for (const variable of variables) expect(help).toContain(variable)
  }
  for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
})

it('every setting with a default is in its own range', () => {
  for (const { schema } of settings) {
    if (typeof schema.default !== 'number') continue
    expect(schema.default).toBeGreaterThanOrEqual(schema.minimum ?? 0)
    expect(schema.default).toBeLessThanOrEqual(schema.maximum ?? 0)
  }
})
