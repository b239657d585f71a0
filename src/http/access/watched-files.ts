import { readFileSync, unwatchFile, watchFile } from 'node:fs'

/** A Kubernetes secret changes by a symlink: looking at the files is what finds it. */
const LOOK_EVERY_MS = 1000

interface Log {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Value that is read from several files together, and again when one of them changes. Where a new version cannot be read, it stays. */
export class WatchedFiles<T> {
  readonly #paths: readonly string[]
  readonly #parse: (contents: readonly Buffer[]) => T
  #contents: readonly Buffer[]
  #value: T

  /** @throws Error when they cannot be read at first: of the file system, or of `parse`. */
  constructor(paths: readonly string[], parse: (contents: readonly Buffer[]) => T) {
    this.#paths = paths
    this.#parse = parse
    this.#contents = this.#read()
    this.#value = parse(this.#contents)
  }

  get value(): T {
    return this.#value
  }

  /** Watches the files until close(). @param name what the log calls them. */
  watch(name: string, log: Log, onChange: (value: T) => void = () => undefined): void {
    const look = (): void => {
      try {
        if (this.refresh()) {
          onChange(this.#value)
          log.info({ files: this.#paths }, `${name} read`)
        }
      } catch (error) {
        const reason = (error as Error).message
        log.error({ files: this.#paths, reason }, `${name} cannot be read: the last good one stays`)
      }
    }
    for (const path of this.#paths) watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, look)
  }

  close(): void {
    for (const path of this.#paths) unwatchFile(path)
  }

  /** True when they have changed. @throws Error as the constructor does; the last value stays. */
  refresh(): boolean {
    const contents = this.#read()
    if (contents.every((content, index) => this.#contents[index]?.equals(content))) return false
    this.#value = this.#parse(contents)
    this.#contents = contents
    return true
  }

  #read(): Buffer[] {
    return this.#paths.map((path) => readFileSync(path))
  }
}
