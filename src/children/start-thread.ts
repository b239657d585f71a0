import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { COMPILED, entryBeside } from './child-process.ts'

/** Starts a thread whose entry lies beside this file, compiled or not. */
export function startThread(name: 'estimator', workerData: unknown): Worker {
  const entry = entryBeside(`${name}-thread`)
  return new Worker(COMPILED ? entry : fromSources(entry), { workerData })
}

/** With Node 20 tsx translates nothing in a thread unless it is told to there. */
function fromSources(entry: URL): URL {
  const tsx = createRequire(import.meta.url)
    .resolve('tsx/esm/api')
    .replace(/cjs$/, 'mjs')
  const code = `import * as tsx from ${JSON.stringify(pathToFileURL(tsx))}; tsx.register(); import(${JSON.stringify(entry)})`
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`)
}
