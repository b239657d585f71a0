import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AnswerReader, type WireAnswer } from './wire.ts'

const TAP = fileURLToPath(new URL('tap.mjs', import.meta.url))

type Line =
  | { readonly connection: number; readonly sent: string }
  | { readonly connection: number; readonly method: string; readonly url: string }
  | { readonly connection: number; readonly received: string }
  | { readonly connection: number; readonly tooMuch: true }
  | { readonly connection: number; readonly closed: true }

/** What the servers of a test file answered, to whatever client. */
export class RecordedAnswers {
  readonly #folder = mkdtempSync(join(tmpdir(), 'altiplano-answers-'))
  readonly #records: Recording[] = []

  /** For one more server: what its process is started with. */
  tap(): { readonly flags: readonly string[]; readonly env: Readonly<Record<string, string>> } {
    const file = join(this.#folder, `${this.#records.length}`)
    this.#records.push(new Recording(file))
    return { flags: ['--import', TAP], env: { ALTIPLANO_TEST_ANSWERS: file } }
  }

  /** Those that ended since they were taken last. */
  take(): WireAnswer[] {
    return this.#records.flatMap((record) => record.take())
  }

  remove(): void {
    for (const record of this.#records) record.close()
    rmSync(this.#folder, { recursive: true })
  }
}

class Recording {
  readonly #fd: number
  readonly #connections = new Map<number, AnswerReader>()
  #at = 0

  constructor(file: string) {
    this.#fd = openSync(file, 'a+')
  }

  take(): WireAnswer[] {
    const bytes = Buffer.alloc(fstatSync(this.#fd).size - this.#at)
    readSync(this.#fd, bytes, 0, bytes.length, this.#at)
    // A server that was killed may have left half a line.
    const end = bytes.lastIndexOf('\n') + 1
    this.#at += end
    const lines = bytes.subarray(0, end).toString('utf8').split('\n')
    return lines.flatMap((line) => (line === '' ? [] : this.#hear(JSON.parse(line) as Line)))
  }

  close(): void {
    closeSync(this.#fd)
  }

  #hear(line: Line): WireAnswer[] {
    const reader = this.#connections.get(line.connection) ?? new AnswerReader()
    this.#connections.set(line.connection, reader)
    if ('sent' in line) return reader.push(Buffer.from(line.sent, 'latin1'))
    if ('method' in line) reader.ask(line.method, line.url)
    else if ('received' in line) reader.receive(line.received)
    else if ('tooMuch' in line) reader.receive(undefined)
    if (!('closed' in line)) return []
    this.#connections.delete(line.connection)
    const last = reader.close()
    return last === undefined ? [] : [last]
  }
}
