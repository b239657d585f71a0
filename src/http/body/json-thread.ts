import { parentPort } from 'node:worker_threads'
import { type ErrorCode, ServingError } from '../../base/errors.ts'
import { parseJsonBody, unparsable } from './json-body.ts'
import { shapeBounds } from './json-shape.ts'

/** Result of parsing a body. */
export type Parsed = { readonly value: unknown } | { readonly code: ErrorCode; readonly message: string }

parentPort?.on('message', (pieces: readonly Uint8Array[]) => {
  parentPort?.postMessage(parsed(Buffer.concat(pieces)))
})

function parsed(bytes: Uint8Array): Parsed {
  try {
    const value = parseJsonBody(bytes)
    if (hasTooManyKeys(value)) throw unparsable(`fields have more than ${shapeBounds.distinctKeys} names`)
    return { value }
  } catch (error) {
    if (!(error instanceof ServingError)) throw error
    return { code: error.code, message: error.message }
  }
}

function hasTooManyKeys(root: unknown): boolean {
  const keys = new Set<string>()
  const left: unknown[] = [root]
  while (left.length > 0) {
    const value = left.pop()
    if (Array.isArray(value)) {
      for (const item of value) if (typeof item === 'object') left.push(item)
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        keys.add(key)
        if (typeof item === 'object') left.push(item)
      }
    }
  }
  return keys.size > shapeBounds.distinctKeys
}
