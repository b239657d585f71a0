import { ConfigError } from '../../src/base/config-error.ts'
import { loadConfig } from '../../src/config/load.ts'
import { readApiKeys } from '../../src/http/access/api-keys.ts'
import { ModelFileError, readGguf } from '../../src/models/gguf/gguf.ts'

/** A reader is through with a small file in this time, whatever the file says of itself. */
const SLOW_MS = 10_000

/** What is wrong with how a file was read; undefined: it was taken, or refused with a reason. */
export async function readingFault(read: () => unknown, secret?: string): Promise<string | undefined> {
  const started = performance.now()
  const fault = await faultOf(read, secret)
  const ms = performance.now() - started
  return fault ?? (ms > SLOW_MS ? `took ${Math.round(ms)} ms` : undefined)
}

async function faultOf(read: () => unknown, secret: string | undefined): Promise<string | undefined> {
  try {
    await read()
    return undefined
  } catch (error) {
    if (!(error instanceof Error)) return `threw ${String(error)}`
    const { message, cause } = error
    // A reader's own fault, handed on as that of the file.
    const inner = cause instanceof RangeError || cause instanceof TypeError ? cause : error
    if (inner instanceof RangeError || inner instanceof TypeError) return `${inner.name}: ${inner.message}`
    if (message.length < 10 || message.length > 16_384) return `a message of ${message.length} characters`
    if (secret !== undefined && message.includes(secret)) return 'tells a key'
    return undefined
  }
}

export const readers = {
  gguf: async (path: string): Promise<void> => {
    try {
      await readGguf(path)
    } catch (error) {
      if (!(error instanceof ModelFileError)) throw new TypeError(`not a ModelFileError: ${String(error)}`)
      throw error
    }
  },
  config: (path: string): void => {
    try {
      loadConfig(['serve', '--config', path], {})
    } catch (error) {
      if (!(error instanceof ConfigError)) throw new TypeError(`not a ConfigError: ${String(error)}`)
      throw error
    }
  },
  keys: (path: string): void => void readApiKeys(path),
}
