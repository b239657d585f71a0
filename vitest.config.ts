import { existsSync } from 'node:fs'
import { configDefaults, defineConfig } from 'vitest/config'

const newer = 'test/clients/newer'
const installed = existsSync(`${newer}/node_modules`)
if (!installed)
  process.stderr.write(`${newer}: skipped, its clients are not installed: npm run test:clients\n`)

/** Set by `npm run test:cluster`, which builds what these tests need. */
const cluster = process.env['ALTIPLANO_CLUSTER']

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      ...configDefaults.exclude,
      ...(installed ? [] : [`${newer}/**`]),
      ...(cluster ? [] : ['test/cluster/**']),
    ],
    // Real llama.cpp contexts spin their threads: two at once on a small machine starve each other.
    fileParallelism: false,
    pool: 'forks',
    // For what never ends: on a machine with a load of eight, what takes three seconds takes half a minute.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
  },
})
