import { unwatchFile, watchFile } from 'node:fs'
import { type ApiKeys, readApiKeys } from './api-keys.ts'

/** A Kubernetes secret changes by a symlink: looking at the file is what finds it. */
const LOOK_EVERY_MS = 1000

interface Log {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Keys of a file, read anew when it changes. A file that cannot be read changes nothing. */
export class KeyFile {
  readonly #path: string
  #keys: ApiKeys

  /** @throws Error when it cannot be read at first. */
  constructor(path: string, log: Log) {
    this.#path = path
    this.#keys = readApiKeys(path)
    watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, () => {
      try {
        this.#keys = readApiKeys(path)
        log.info({ path }, 'api keys read')
      } catch (error) {
        log.error({ path, reason: (error as Error).message }, 'api keys cannot be read: the last ones stay')
      }
    })
  }

  get keys(): ApiKeys {
    return this.#keys
  }

  close(): void {
    unwatchFile(this.#path)
  }
}
