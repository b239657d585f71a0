import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')

/** One import: the file and what it names, both from `src` on where it is a file of this server. */
interface Import {
  readonly from: string
  readonly to: string
}

/** The folders in their order, as docs/architecture.md tells them to whoever looks for a place. */
const order = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, folder = '']) => folder)
const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts'))
const imports = files.flatMap(importsOf)

/** Run in child processes only, for what they load or hold. */
const ENGINE_SIDE = ['kvcache', 'scheduler', 'engine', 'workers']
/** What is held by the process with the sockets, which runs no native code. */
const GATEWAY_SIDE = order.slice(order.indexOf('generation'))
/** No Node, no network, no llama.cpp: a value in, a value out. */
const PURE = ['text', 'grammar', 'protocol', 'kvcache', 'scheduler']

it('each folder of src has its place in the order, and beside them is main.ts alone', () => {
  const folders = new Set(files.map((path) => path.split('/')[0]))
  expect(folders).toEqual(new Set([...order, 'main.ts']))
})

it('a folder imports only folders above it in the order', () => {
  const place = (path: string): number => {
    const folder = folderOf(path)
    return folder === 'main.ts' ? order.length : order.indexOf(folder)
  }
  const wrong = imports.filter(({ from, to }) => isOurs(to) && place(to) > place(from))
  expect(wrong.map(told)).toEqual([])
})

it('no two sibling folders import each other', () => {
  const arrows = new Map<string, Import>()
  for (const one of imports.filter(({ to }) => isOurs(to))) {
    const [from, to] = [dirname(one.from), dirname(one.to)]
    if (from !== to && dirname(from) === dirname(to)) arrows.set(`${from} > ${to}`, one)
  }
  const both = [...arrows].filter(([arrow]) => arrows.has(arrow.split(' > ').reverse().join(' > ')))
  expect(both.map(([, one]) => told(one))).toEqual([])
})

it.each([
  ['the gateway process holds no engine', below(GATEWAY_SIDE), below(ENGINE_SIDE)],
  ['pure folders import no Node', below(PURE), (to: string) => to.startsWith('node:')],
  [
    'llama.cpp is known in engine/llama alone',
    outside('engine/llama'),
    (to: string) => /node-llama-cpp/.test(to),
  ],
  [
    'fastify is known to what serves HTTP alone',
    outside('http', 'api', 'server'),
    (to: string) => /fastify/.test(to),
  ],
  [
    'OpenAI’s own shapes are no part of Anthropic’s, Responses’ or the neutral chat',
    below(['api/anthropic', 'api/responses', 'api/chat']),
    below(['api/openai']),
  ],
])('the imports obey a rule: %s', (_rule, isCovered, isForbidden) => {
  const covered = imports.filter(({ from }) => isCovered(from))
  expect(covered.length).toBeGreaterThan(100)
  expect(covered.filter(({ to }) => isForbidden(to)).map(told)).toEqual([])
})

function importsOf(from: string): Import[] {
  const code = readFileSync(join(root, 'src', from), 'utf8')
  const named = [...code.matchAll(/(?:\bfrom|\bimport\(?)\s*'([^']+)'/g)].map(([, name = '']) => name)
  return named.map((name) => ({
    from,
    to: name.startsWith('.') ? posix.normalize(posix.join(posix.dirname(from), name)) : name,
  }))
}

function folderOf(path: string): string {
  return path.split('/')[0] ?? ''
}

function isOurs(path: string): boolean {
  return files.includes(path)
}

function below(folders: readonly string[]): (path: string) => boolean {
  return (path) => folders.some((folder) => path.startsWith(`${folder}/`))
}

function outside(...folders: string[]): (path: string) => boolean {
  return (path) => !below(folders)(path)
}

function told({ from, to }: Import): string {
  return `${from} imports ${to}`
}
