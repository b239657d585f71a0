import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

it('the page for contributors shows the notation of Hermes as it is in the source', () => {
  const [, shown = 'no code'] = /```ts\n(.+?)```/s.exec(read('docs/tools-and-reasoning.md')) ?? []
  expect(read('src/text/tool-formats/hermes.ts')).toContain(shown)
})
