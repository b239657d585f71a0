import { expect, it } from 'vitest'
import { stringsIn } from '../../src/text/json-strings.ts'

it('token ids in a typed array are no strings of a value', () => {
  expect(stringsIn({ parts: ['a', new Uint32Array(1000)] })).toEqual(['a', 'parts'])
})

it('strings and keys are found however deep they are', () => {
  let deep: unknown = 'end'
  for (let depth = 0; depth < 100_000; depth++) deep = [deep]
  expect(stringsIn({ key: deep })).toEqual(['end', 'key'])
})
