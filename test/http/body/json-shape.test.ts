import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonShape, shapeBounds } from '../../../src/http/body/json-shape.ts'

function shapeOf(text: string, cuts: readonly number[] = []): JsonShape {
  const bytes = Buffer.from(text)
  const shape = new JsonShape()
  let from = 0
  for (const cut of [...cuts.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    shape.push(bytes.subarray(from, cut))
    from = cut
  }
  return shape
}

const told = ({ keys, heldBytes, excess }: JsonShape): object => ({ keys, heldBytes, excess })
const many = (count: number, item: string): string => `[${Array(count).fill(item).join(',')}]`

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes that V8 holds for a parsed text, from what is there before and after. */
function heldFor(text: string): number {
  const measure = (): number => {
    collect()
    collect()
    return process.memoryUsage().heapUsed
  }
  const kept: unknown[] = [undefined]
  const before = measure()
  kept[0] = JSON.parse(text)
  const held = measure() - before
  kept.length = 0
  return held
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

describe('the shape of a JSON text', () => {
  it('the shape of a JSON text is the same however the text is cut into pieces', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
        expect(told(shapeOf(text, cuts))).toEqual(told(shapeOf(text)))
      }),
    )
  })

  it('the shape of a JSON text is the same when a cut comes after a backslash, wherever it is', () => {
    const text = JSON.stringify({ 'a":{"b': 'c\\', '\u5929": ': '\\":[', d: ['\\"', '\u0001"'] })
    for (let cut = 0; cut <= text.length; cut++)
      expect(told(shapeOf(text, [cut])), `cut at ${cut}`).toEqual(told(shapeOf(text)))
  })

  it('the shape of a JSON text counts fields, and nothing inside its strings', () => {
    expect(shapeOf('{"a":{"b":1},"c:{\\"":[":"]}').keys).toBe(3)
    expect(shapeOf('["{}[]:,\\\\",":"]').keys).toBe(0)
  })

  it.each([
    ['depth', '['.repeat(shapeBounds.depth), '['.repeat(shapeBounds.depth + 1)],
    ['containers, side by side', many(shapeBounds.containers - 1, '{}'), many(shapeBounds.containers, '{}')],
    ['fields', many(shapeBounds.keys, '"":0'), many(shapeBounds.keys + 1, '"":0')],
    ['strings', many(shapeBounds.strings, '""'), many(shapeBounds.strings + 1, '""')],
    ['numbers', many(shapeBounds.words, '1'), many(shapeBounds.words + 1, '1')],
    ['true and null', many(shapeBounds.words, 'true'), many(shapeBounds.words + 1, 'null')],
    ['digits', '1'.repeat(shapeBounds.number), '1'.repeat(shapeBounds.number + 1)],
    ['bytes of a name', `"${'k'.repeat(shapeBounds.key)}":1`, `"${'k'.repeat(shapeBounds.key + 1)}":1`],
  ])('a JSON text is accepted up to the limit of %s, and not above it', (_what, most, tooMany) => {
    expect(shapeOf(most, [3, 1000, 4097]).excess).toBeUndefined()
    expect(shapeOf(tooMany, [3, 1000, 4097]).excess).toBeTypeOf('string')
  })

  it('the limits of a JSON text are those of docs/limits.md', () => {
    const page = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')
    const rows = page
      .split('### What a body may be made of')[1]
      ?.split('###')[0]
      ?.matchAll(/\| ([\d,]+) \|$/gm)
    const told = [...(rows ?? [])].map(([, number = '']) => Number(number.replaceAll(',', '')))
    expect(told.toSorted((a, b) => a - b)).toEqual(Object.values(shapeBounds).toSorted((a, b) => a - b))
  })

  it('the length of a string, or of a text that is not JSON, has no limit in its shape', () => {
    expect(shapeOf(`"${'x'.repeat(2_000_000)}"`).excess).toBeUndefined()
    expect(shapeOf('x'.repeat(2_000_000)).excess).toBeUndefined()
  })

  const list = (item: (index: number) => unknown): string =>
    JSON.stringify(Array.from({ length: 40_000 }, (_, index) => item(index)))
  it.each([
    ['empty objects', list(() => ({}))],
    ['empty arrays', list(() => [])],
    ['arrays of one', list((index) => [index])],
    ['objects with names of their own', list((index) => ({ [`name${index}`]: index }))],
    ['objects alike', list((index) => ({ type: 'object', title: `${index}`, at: index + 0.5 }))],
    ['short texts', list((index) => `text ${index}`)],
    ['texts that are not Latin', list((index) => `${'x'.repeat(100)}天${index}`)],
    ['whole numbers', list((index) => index)],
    ['numbers among others', list((index) => (index === 0 ? 'x' : index + 0.25))],
    ['a long text', JSON.stringify('x'.repeat(1_000_000))],
    ['a long text with one emoji', JSON.stringify(`${'x'.repeat(1_000_000)}👩`)],
  ])('the shape of a JSON text bounds the memory of its value: %s', (_what, text) => {
    // Whatever else this process lets go of, or takes, is in each measure.
    const held = median([1, 2, 3, 4, 5].map(() => heldFor(text)))
    expect(held).toBeGreaterThan(text.length / 4)
    expect(shapeOf(text).heldBytes).toBeGreaterThan(0.95 * held)
  })
})
