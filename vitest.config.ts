import { existsSync } from 'node:fs'
import { configDefaults, defineConfig } from 'vitest/config'
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
  'models',
  'scheduler',
  'text',
  'grammar',
  'http',
  'api',
].map((folder) => `test/${folder}/**/*.test.ts`)

export default defineConfig({
  test: {
    pool: 'forks',
    globalSetup: 'test/support/build.ts',
    reporters: ['default', new TimeByFolder()],
    // For what never ends: on a machine with a load of eight, what takes three seconds takes half a minute.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    projects: [
      {
        extends: true,
        // The real engine, servers and clients. They wait for most of their time: more of them than there are cores.
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
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      { extends: true, test: { name: 'pure', include: PURE, sequence: { groupOrder: 0 } } },
    ],
  },
})
