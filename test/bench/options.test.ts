import { describe, expect, it } from 'vitest'
import { namedUrl, parseOptions } from '../../bench/options.ts'

describe('namedUrl', () => {
  it('namedUrl reads a base URL with or without its version', () => {
    const llama = { name: 'llama', baseUrl: 'http://127.0.0.1:9001/v1' }
    expect(namedUrl('llama=http://127.0.0.1:9001')).toEqual(llama)
    expect(namedUrl('llama=http://127.0.0.1:9001/')).toEqual(llama)
    expect(namedUrl('llama=http://127.0.0.1:9001/v1/')).toEqual(llama)
    expect(namedUrl('kserve=https://host/openai/v1').baseUrl).toBe('https://host/openai/v1')
  })

  it('namedUrl refuses an entry without a name or a URL', () => {
    for (const text of ['http://host', 'a=', 'a=host:80', '=http://host'])
      expect(() => namedUrl(text)).toThrow('is not NAME=URL')
  })
})

describe('parseOptions', () => {
  it('parseOptions collects peers in order', () => {
    const { against, base } = parseOptions(['--against', 'a=http://a', '--against', 'b=http://b'])
    expect(against.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(base).toBeUndefined()
  })

  it('parseOptions passes flags to the server of the build', () => {
    const { serve } = parseOptions([
      '--model',
      'm.gguf',
      '--threads',
      '2',
      '--serve=--no-prefix-cache --batch-size 64',
    ])
    expect(serve.join(' ')).toBe('--slots 8 --threads 2 --model m.gguf --no-prefix-cache --batch-size 64')
  })

  it('parseOptions refuses a malformed number', () => {
    for (const text of ['0', '-1', 'x', ''])
      expect(() => parseOptions([`--rounds=${text}`])).toThrow('--rounds is a number above 0')
  })
})
