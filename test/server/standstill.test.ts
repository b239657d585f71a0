import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, it, type TestContext } from 'vitest'
import { postJson } from '../support/http.ts'
import { metric } from '../support/metrics.ts'
import { children } from '../support/processes.ts'
import { parseLine, startServer, type TestServer } from '../support/server.ts'

// Each of these waits for most of its time: they do it together.
const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'altiplano-standstill-'))
  folders.push(folder)
  return folder
}

const chat = (url: string, fields: object): Promise<Response> =>
  postJson(`${url}/v1/chat/completions`, {
    model: 'altiplano-demo',
    messages: [{ role: 'user', content: 'Tell me a story' }],
    ...fields,
  })

/** Starts a server that is stopped when its test is over: tests that run beside each other have no hook of their own. */
async function started(
  onTestFinished: TestContext['onTestFinished'],
  ...how: Parameters<typeof startServer>
): Promise<TestServer> {
  const server = await startServer(...how)
  onTestFinished(async () => void (await server.stop()))
  return server
}

const longStream = {
  stream: true,
  stream_options: { include_usage: true },
  max_tokens: 1500,
  ignore_eos: true,
  temperature: 0,
}

/** Lines of the log that say that a process was replaced, or a request lost its engine. */
const losses = ({ logs }: TestServer): string[] =>
  logs.filter((line) => /child down|lost their engine/.test(line))

describe.concurrent('a gateway that is stopped', () => {
  it.concurrent('a gateway that is stopped for a minute ends no child, and its streams continue', async ({
    expect,
    onTestFinished,
  }) => {
    const server = await started(onTestFinished, ['--slots', '4'])
    const { url, process: gateway } = server
    const before = children(gateway.pid ?? 0)
    const answers = await Promise.all([1, 2, 3].map(() => chat(url, longStream)))
    const texts = answers.map((answer) => answer.text())
    process.kill(gateway.pid ?? 0, 'SIGSTOP')
    await pause(60_000)
    process.kill(gateway.pid ?? 0, 'SIGCONT')
    for (const text of await Promise.all(texts)) {
      expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true)
      expect(text).toContain('"completion_tokens":1500')
    }
    // The watchdog looks twice a second.
    await pause(3000)
    expect(losses(server)).toEqual([])
    expect(children(gateway.pid ?? 0)).toEqual(before)
    expect(await metric(url, 'altiplano_quarantined_total')).toBe(0)
    expect((await chat(url, { max_tokens: 1500, ignore_eos: true, temperature: 0 })).status).toBe(200)
  })
})

describe.concurrent('an engine that hangs', () => {
  it.concurrent('an engine that hangs twice is replaced twice, and its requests continue and are admitted again', async ({
    expect,
    onTestFinished,
  }) => {
    const server = await started(onTestFinished, ['--slots', '2'])
    const { url, process: gateway } = server
    const answer = await chat(url, longStream)
    let raw = ''
    const seen = new Set<number>()
    const decoder = new TextDecoder()
    for await (const bytes of answer.body ?? []) {
      raw += decoder.decode(bytes as Uint8Array, { stream: true })
      if (seen.size === 2 || raw.split('\n\n').length < 20 + 100 * seen.size) continue
      const engine = children(gateway.pid ?? 0).get('engine')
      if (engine === undefined || seen.has(engine)) continue
      seen.add(engine)
      process.kill(engine, 'SIGSTOP')
    }
    expect(seen.size).toBe(2)
    expect(raw.trimEnd().endsWith('data: [DONE]')).toBe(true)
    expect(losses(server).filter((line) => line.includes('no sign of life'))).toHaveLength(2)
    expect(await metric(url, 'altiplano_quarantined_total')).toBe(0)
    expect((await chat(url, { max_tokens: 1500, ignore_eos: true, temperature: 0 })).status).toBe(200)
  })
})

describe.concurrent('an engine that dies while it loads', () => {
  it.concurrent('an engine that dies while it loads is started ten times, then the server exits with the reason', async ({
    expect,
    onTestFinished,
  }) => {
    const folder = newFolder()
    const model = join(folder, 'model.gguf')
    const log = join(folder, 'termination-log')
    writeFileSync(log, '')
    const demo = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))
    // A model of a kind that llama.cpp does not know, and whose file is in order.
    const bytes = readFileSync(demo).toString('latin1')
    expect(bytes).toContain('qwen3.block_count')
    writeFileSync(model, Buffer.from(bytes.replaceAll('qwen3', 'qwenX'), 'latin1'))
    const server = await started(onTestFinished, ['--model', model], 'listening', { TERMINATION_LOG: log })
    const [code] = (await once(server.process, 'exit')) as [number]
    expect(code).toBe(1)
    const lines = server.logs.flatMap((line) => parseLine(line) ?? [])
    const fatal = lines.find(({ msg }) => msg === 'giving up')
    expect(fatal?.['reason']).toMatch(/^10 starts in a row failed; the last: .*qwenX/)
    expect(readFileSync(log, 'utf8')).toBe(fatal?.['reason'])
  })
})

describe.concurrent('the death of all processes', () => {
  it.concurrent('the death of all processes loses running streams only, and parked sequences are whole or ignored', async ({
    expect,
    onTestFinished,
  }) => {
    const folder = newFolder()
    const flags = ['--slots', '1', '--kv-cache-dir', folder]
    let server: TestServer | undefined
    onTestFinished(async () => void (await server?.stop()))
    const ask = async (word: string): Promise<{ text: string; cached: number }> => {
      const messages = [{ role: 'user', content: `${word} `.repeat(120) }]
      const answer = await chat(server?.url ?? '', { messages, max_tokens: 24, temperature: 0 })
      const { choices, usage } = (await answer.json()) as {
        choices: { message: { content: string } }[]
        usage: { prompt_tokens_details: { cached_tokens: number } }
      }
      const [choice] = choices
      return { text: choice?.message.content ?? '', cached: usage.prompt_tokens_details.cached_tokens }
    }
    server = await startServer(flags)
    const told = new Map<string, string>()
    for (const word of ['lake', 'moon']) told.set(word, (await ask(word)).text)
    await server.stop()
    for (const round of [0, 1, 2]) {
      server = await startServer(flags)
      // One conversation is taken from the disk and goes on; others leave their slot for the disk while all dies.
      expect((await ask('lake')).cached, `round ${round}`).toBeGreaterThan(100)
      const pids = [server.process.pid ?? 0, ...children(server.process.pid ?? 0).values()]
      const others = [0, 1, 2, 3].map((at) => ask(`star${round}${at}`).catch(() => undefined))
      await Promise.race([others[round], pause(20_000)])
      // Linux: as the kernel does with memory.oom.group.
      for (const pid of pids) process.kill(pid, 'SIGKILL')
      await once(server.process, 'exit')
      await Promise.all(others)
      server = await startServer(flags)
      for (const [word, text] of told) {
        const again = await ask(word)
        expect([again.text, again.cached > 100], `${word}, round ${round}`).toEqual([text, true])
      }
      expect(await metric(server.url, 'altiplano_kv_parking_failures_total')).toBe(0)
      expect(await server.stop()).toBe(0)
    }
  })
})
