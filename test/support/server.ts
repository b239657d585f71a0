import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { RecordedAnswers } from './answers/recorded.ts'

const pathOf = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url))

/** The program as `npm run build` makes it, which the tests do before they begin. */
export const PROGRAM = pathOf('dist/main.js')

let recorded: RecordedAnswers | undefined

/** From now on servers write down what they answer. */
export function recordAnswers(answers: RecordedAnswers): void {
  recorded = answers
}

export interface TestServer {
  readonly url: string
  readonly process: ChildProcess
  readonly logs: readonly string[]
  stop(): Promise<number | null>
}

export interface LogLine {
  readonly msg: string
  readonly [key: string]: unknown
}

/** Starts the real program on a free port, as its user would, and waits until it is ready (or only until it listens). */
export async function startServer(
  flags: readonly string[] = [],
  waitFor: 'ready' | 'listening' = 'ready',
  env: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  const tap = recorded?.tap()
  const args = ['serve', '--port', '0', '--threads', '1', '--gpu-layers', '0', ...flags]
  const child = spawn(process.execPath, [...(tap?.flags ?? []), PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ALTIPLANO_PORT: '', ...env, ...tap?.env },
  })
  const logs: string[] = []
  const address = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      logs.push(line)
      const parsed = parseLine(line)
      if (parsed?.msg === 'listening' && typeof parsed['address'] === 'string') resolve(parsed['address'])
    })
    createInterface({ input: child.stderr }).on('line', (line) => logs.push(line))
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}:\n${logs.join('\n')}`)))
  })
  const url = await address
  try {
    if (waitFor === 'ready') await untilReady(url, logs)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return { url, process: child, logs, stop: () => stop(child) }
}

export async function untilReady(
  url: string,
  logs: readonly string[] = [],
  timeoutMs = 120_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (Date.now() < deadline) {
    if ((await fetch(`${url}/health/ready`)).ok) return
    await pause(25)
  }
  throw new Error(`not ready in ${timeoutMs} ms:\n${logs.join('\n')}`)
}

export function parseLine(line: string): LogLine | undefined {
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return undefined
  }
}

async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
  return child.exitCode
}
