import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { configDefaults, defineConfig } from 'vitest/config'
import { SlowestFirst } from './test/support/slowest-first.ts'
import { TimeByFolder } from './test/support/time-by-folder.ts'

const newer = 'test/clients/newer'
const installed = existsSync(`${newer}/node_modules`)
if (!installed)
  process.stderr.write(`${newer}: skipped, its clients are not installed: npm run test:clients\n`)

/** Set by `npm run test:cluster`, which builds what these tests need. */
const cluster = process.env['ALTIPLANO_CLUSTER']

/** Folders whose tests start no server and no engine. */
const PURE = [
  'architecture',
  'bench',
  'config',
  'generation',
  'invariants',
  'kserve',
  'kvcache',
  'metrics',
  'models',
  'scheduler',
  'text',
  'grammar',
  'http',
  'api',
  'tools',
].map((folder) => `test/${folder}/**/*.test.ts`)

export default defineConfig({
  test: {
    pool: 'forks',
    // Two a core of a small machine: most files wait for most of their time.
    maxWorkers: Math.max(4, availableParallelism()),
    sequence: { sequencer: SlowestFirst },
    globalSetup: 'test/support/build.ts',
    reporters: ['default', new TimeByFolder()],
    // For what never ends: on a machine with a load of eight, what takes three seconds takes half a minute.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    projects: [
      {
        extends: true,
        // The real engine, servers and clients.
        test: {
          name: 'real',
          setupFiles: 'test/support/answers/true-answers.ts',
          include: ['test/**/*.test.ts'],
          exclude: [
            ...configDefaults.exclude,
            ...PURE,
            ...(installed ? [] : [`${newer}/**`]),
            ...(cluster ? [] : ['test/cluster/**']),
          ],
        },
      },
      // One module registry a worker: these files start nothing and share no state, and loading is a fifth of their time.
      { extends: true, test: { name: 'pure', isolate: false, include: PURE } },
    ],
  },
})
