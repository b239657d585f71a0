// Runs what compares texts of the real engine on several of the builds of ggml that came with node-llama-cpp, which chooses the best one for
// the CPU: other kernels add in another order. npm run test:cpus [-- BUILD...]
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { prebuiltBinary } from '../../src/engine/llama/binary.ts'

/** From the plainest to the one of most servers, and what of /proc/cpuinfo each needs. */
const BUILDS: Readonly<Record<string, readonly string[]>> = {
  x64: [],
  sse42: ['sse4_2', 'popcnt'],
  haswell: ['avx2', 'fma', 'f16c', 'bmi2'],
  skylakex: ['avx512f', 'avx512cd', 'avx512bw', 'avx512dq', 'avx512vl'],
}
const TESTS = [
  // Without llama-grammar, which draws by grammars for a minute: they know no kernels.
  ...[
    'llama',
    'llama-adapters',
    'llama-addon',
    'llama-build',
    'llama-embedder',
    'llama-logprobs',
    'llama-memory',
  ].map((name) => `test/engine/${name}.test.ts`),
  'test/invariants/tiny.test.ts',
  'test/crash',
  ...['known-by-heart', 'logprobs', 'lora', 'preemption', 'suffix', 'embeddings', 'rerank'].map(
    (name) => `test/server/${name}.test.ts`,
  ),
]

const hook = fileURLToPath(new URL('one-build.cjs', import.meta.url))
const wanted = process.argv.slice(2)
const folder = prebuiltBinary(false)?.folder

if (process.platform !== 'linux' || process.arch !== 'x64')
  console.log(
    `other builds of ggml: skipped, there are none of them for ${process.platform} on ${process.arch}`,
  )
else if (folder === undefined)
  console.log('other builds of ggml: skipped, node-llama-cpp is here without its prebuilt binaries')
else for (const build of wanted.length > 0 ? wanted : Object.keys(BUILDS)) runOn(build, folder)

function runOn(build: string, from: string): void {
  const library = `libggml-cpu-${build}.so`
  const started = performance.now()
  const needed = BUILDS[build]
  if (needed === undefined) throw new Error(`${build} is none of ${Object.keys(BUILDS).join(', ')}`)
  if (!existsSync(join(from, library))) throw new Error(`node-llama-cpp has no ${library}`)
  const flags = new Set(/^flags\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' '))
  const lacking = needed.filter((flag) => !flags.has(flag))
  if (lacking.length > 0) {
    console.log(`\n-- ${build}: skipped, this CPU has no ${lacking.join(', ')}`)
    return
  }
  console.log(`\n-- ${build}`)
  const only = mkdtempSync(join(tmpdir(), 'altiplano-backends-'))
  symlinkSync(join(from, library), join(only, library))
  const env = {
    ...process.env,
    ALTIPLANO_TEST_BACKENDS: only,
    NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --require "${hook}"`.trim(),
  }
  const args = ['vitest', 'run', '--reporter=dot', ...TESTS]
  const { status } = spawnSync('npx', args, { env, stdio: 'inherit' })
  rmSync(only, { recursive: true })
  console.log(
    `-- ${build}: ${status === 0 ? 'passed' : 'failed'} in ${Math.round((performance.now() - started) / 1000)} s`,
  )
  if (status !== 0) process.exitCode = 1
}
