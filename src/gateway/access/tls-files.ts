import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext } from 'node:tls'

/** A mounted secret changes by a symlink: looking at the files is what finds it. */
const LOOK_EVERY_MS = 1000

export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
}

interface Log {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A certificate and its key, read anew when one of their files changes. What does not fit together changes nothing. */
export class TlsFiles {
  readonly #certFile: string
  readonly #keyFile: string
  #certificate: Certificate

  /** @throws Error when they cannot be read at first, or do not fit together. */
  constructor(certFile: string, keyFile: string) {
    this.#certFile = certFile
    this.#keyFile = keyFile
    this.#certificate = this.#read()
  }

  get certificate(): Certificate {
    return this.#certificate
  }

  /** Until close(). */
  watch(log: Log, onChange: (certificate: Certificate) => void): void {
    const look = (): void => {
      try {
        const { cert, key } = this.#certificate
        const next = this.#read()
        if (next.cert.equals(cert) && next.key.equals(key)) return
        this.#certificate = next
        onChange(next)
        log.info({ file: this.#certFile }, 'certificate read')
      } catch (error) {
        const reason = (error as Error).message
        log.error({ file: this.#certFile, reason }, 'the certificate cannot be read: the last one stays')
      }
    }
    for (const file of [this.#certFile, this.#keyFile])
      watchFile(file, { interval: LOOK_EVERY_MS, persistent: false }, look)
  }

  close(): void {
    unwatchFile(this.#certFile)
    unwatchFile(this.#keyFile)
  }

  #read(): Certificate {
    const certificate = { cert: readFileSync(this.#certFile), key: readFileSync(this.#keyFile) }
    createSecureContext(certificate)
    return certificate
  }
}
