import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Installation, Judge } from './judge.ts'

const exec = promisify(execFile)
/** Minutes for one set of packages. */
const PATIENCE_MS = 10 * 60_000

/** Installs a judge into its folder, unless that has it. @throws Error that says what the package manager said. */
export async function install({ install }: Judge, folder: string): Promise<void> {
  const done = join(folder, 'installed.json')
  const wanted = JSON.stringify(install)
  if (existsSync(done) && readFileSync(done, 'utf8') === wanted) return
  mkdirSync(folder, { recursive: true })
  for (const one of install) await installOne(one, folder)
  writeFileSync(done, wanted)
}

/** The versions of packages as installed: "openai 6.49.0, zod 4.1.0". */
export async function versions({ install, shown }: Judge, folder: string): Promise<string> {
  const found = install.some(({ from }) => from === 'pip') ? await inVenv(folder) : new Map<string, string>()
  return shown.map((name) => `${name} ${found.get(name) ?? inPrefix(folder, name)}`).join(', ')
}

async function installOne({ from, packages, alone = false }: Installation, folder: string): Promise<void> {
  if (from === 'npm') {
    if (!existsSync(join(folder, 'package.json')))
      writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
    return run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], folder)
  }
  if (!existsSync(join(folder, 'bin/python'))) await run('python3', ['-m', 'venv', folder], folder)
  const flags = ['--quiet', '--no-compile', '--only-binary', ':all:', ...(alone ? ['--no-deps'] : [])]
  return run(join(folder, 'bin/python'), ['-m', 'pip', 'install', ...flags, ...packages], folder)
}

async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  try {
    await exec(program, args, { cwd, timeout: PATIENCE_MS, maxBuffer: 64 * 2 ** 20 })
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    const last = (stderr ?? '').trim().split('\n').at(-1)
    throw new Error(
      `${program.split('/').at(-1)} ${args[0] === '-m' ? args[1] : args[0]}: ${last || message}`,
    )
  }
}

async function inVenv(folder: string): Promise<Map<string, string>> {
  const { stdout } = await exec(join(folder, 'bin/python'), ['-m', 'pip', 'list', '--format', 'json'])
  const all = JSON.parse(stdout) as { name: string; version: string }[]
  return new Map(all.map(({ name, version }) => [name.toLowerCase().replaceAll('_', '-'), version]))
}

function inPrefix(folder: string, name: string): string {
  const file = join(folder, 'node_modules', name, 'package.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : '?'
}
