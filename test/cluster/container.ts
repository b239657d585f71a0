import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { answers } from './control-plane.ts'
import type { Container, Probe } from './pods.ts'

const script = (name: string): string => fileURLToPath(new URL(`../../tools/image/${name}`, import.meta.url))

/** What the image says, as the Dockerfile does. */
const image = {
  entrypoint: ['node', '/app/dist/main.js'],
  env: { NODE_ENV: 'production', HOME: '/tmp', NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true' },
  user: 10001,
}

/** The files of the image, without a container engine. */
export function unpackImage(): Disposable & { readonly root: string } {
  const base = mkdtempSync(join(tmpdir(), 'altiplano-image-'))
  const root = join(base, 'root')
  execFileSync(script('root.sh'), ['cpu', root], { stdio: 'inherit' })
  return { root, [Symbol.dispose]: () => rmSync(base, { recursive: true }) }
}

export interface RunningContainer {
  readonly logs: () => string
  /** Until one of the pod's probes is answered. */
  untilAnswered(probe: Probe): Promise<void>
  /** As the kubelet: SIGTERM to the container's first process. */
  stop(): Promise<number | null>
}

/** Runs what a pod says of its container, in the files of the image: command, arguments, environment, user. */
export function runContainer(
  root: string,
  { command = image.entrypoint, args = [], env = [], securityContext }: Container,
  volumes: Readonly<Record<string, string>>,
): RunningContainer {
  const variables = Object.entries(image.env).concat(env.map(({ name, value = '' }) => [name, value]))
  const user = String(securityContext?.runAsUser ?? image.user)
  const words = ['env', ...variables.map(([name, value]) => `${name}=${value}`), ...command, ...args]
  const child = spawn(
    'unshare',
    ['--mount', '--ipc', '--pid', '--fork', '--kill-child', script('inside.sh'), root, user, ...words],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        VOLUMES: Object.entries(volumes)
          .map((pair) => pair.join(' '))
          .join('\n'),
      },
    },
  )
  let logs = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (logs += String(bytes)))
  return {
    logs: () => logs,
    async untilAnswered({ httpGet: { scheme = 'HTTP', port, path } }) {
      const url = `${scheme.toLowerCase()}://127.0.0.1:${port}${path}`
      const until = Date.now() + 60_000
      while (!(await answers(url))) {
        if (Date.now() > until || child.exitCode !== null) throw new Error(`${url}: no answer:\n${logs}`)
        await pause(100)
      }
    },
    async stop() {
      if (child.exitCode !== null) return child.exitCode
      const exited = once(child, 'exit')
      process.kill(firstProcess(child), 'SIGTERM')
      await exited
      return child.exitCode
    },
  }
}

function firstProcess({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim())
}
