import { expect, it } from 'vitest'
import { type Runtime, runtimes } from './manifests.ts'
import { refusal, select, supports } from './selection.ts'

function foreign(name: string, format: string, protocols: readonly string[], priority = 1): Runtime {
  return {
    file: '',
    apiVersion: 'serving.kserve.io/v1alpha1',
    kind: 'ClusterServingRuntime',
    metadata: { name },
    spec: {
      supportedModelFormats: [{ name: format, version: '1', autoSelect: true, priority }],
      protocolVersions: protocols,
      containers: [],
    },
  }
}

/** What KServe v0.20 installs of its own for language models. */
const kserve = [
  foreign('kserve-huggingfaceserver', 'huggingface', ['v2', 'v1']),
  foreign('kserve-vllmserver', 'vLLM', []),
]
const cluster = runtimes.filter(({ kind }) => kind === 'ClusterServingRuntime')
const chosen = (all: readonly Runtime[], format: string, rest: object = {}): string | undefined =>
  select(all, { format, ...rest })?.metadata.name

it.each([
  ['gguf', {}, 'altiplano'],
  ['gguf', { version: '3' }, 'altiplano'],
  ['gguf', { version: '2' }, 'altiplano'],
  ['gguf', { protocol: 'v2' }, 'altiplano'],
  ['gguf', { protocol: 'openai' }, 'altiplano'],
  ['gguf', { version: '1' }, undefined],
  ['GGUF', {}, undefined],
  ['huggingface', {}, 'kserve-huggingfaceserver'],
  ['vLLM', {}, 'kserve-vllmserver'],
])('KServe with its own runtimes serves %s %o by %s', (format, rest, expected) => {
  expect(chosen([...kserve, ...cluster], format, rest)).toBe(expected)
})

it('the runtimes serve gguf and huggingface where they are named', () => {
  for (const runtime of runtimes) {
    expect(supports(runtime, { format: 'gguf' })).toBe(true)
    expect(supports(runtime, { format: 'huggingface' })).toBe(true)
    expect(supports(runtime, { format: 'sklearn' })).toBe(false)
  }
})

it('KServe selects neither the GPU runtime nor, for huggingface, any of ours by itself', () => {
  const cuda = runtimes.filter(({ metadata }) => metadata.name === 'altiplano-cuda')
  expect(cuda).toHaveLength(1)
  expect(chosen(cuda, 'gguf')).toBeUndefined()
  expect(chosen(runtimes, 'huggingface')).toBeUndefined()
})

it('KServe prefers the runtime of the namespace to that of the cluster', () => {
  expect(select(runtimes, { format: 'gguf' })?.kind).toBe('ServingRuntime')
})

it('no webhook of KServe refuses a runtime', () => {
  for (const runtime of runtimes) {
    const others = [...kserve, ...runtimes.filter((other) => other !== runtime)]
    expect(refusal(runtime, others)).toBeUndefined()
  }
})

it('the rules of the webhooks find what they forbid', () => {
  const [huggingface] = kserve
  const same = foreign('another', 'HuggingFace', ['v1'])
  expect(refusal(same, kserve)).toContain('kserve-huggingfaceserver')
  expect(refusal(foreign('another', 'huggingface', ['openai']), kserve)).toBeUndefined()
  expect(refusal(foreign('another', 'huggingface', ['v1'], 2), kserve)).toBeUndefined()
  const { spec } = huggingface ?? same
  const two = [...spec.supportedModelFormats, { name: 'huggingface', autoSelect: true, priority: 2 }]
  expect(refusal({ ...same, spec: { ...spec, supportedModelFormats: two } }, [])).toContain('two priorities')
})
