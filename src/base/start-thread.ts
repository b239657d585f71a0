import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Worker, type WorkerOptions } from 'node:worker_threads'

/** Whether this is the compiled code; else tsx runs the sources. */
export const COMPILED = !import.meta.url.endsWith('.ts')

/** Starts a thread. @param entry the URL of its file without the extension, compiled or not. */
export function startThread(entry: string, options: WorkerOptions = {}): Worker {
  return new Worker(COMPILED ? new URL(`${entry}.js`) : fromSources(`${entry}.ts`), options)
}

/** The entry behind a call of tsx.register(): with Node 20 tsx translates nothing in a thread without it. */
function fromSources(entry: string): URL {
  const tsx = createRequire(import.meta.url)
    .resolve('tsx/esm/api')
    .replace(/cjs$/, 'mjs')
  const code = `import * as tsx from ${JSON.stringify(pathToFileURL(tsx))}; tsx.register(); import(${JSON.stringify(entry)})`
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`)
}
