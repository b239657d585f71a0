import type { FileHandle } from 'node:fs/promises'
import { ModelFileError } from '../model-file-error.ts'

const chunkBytes = 1 << 20

/** Reads a file's header front to back through one small buffer; every length is checked against the file's size before it is used. */
export class ByteReader {
  readonly file: string
  readonly size: number
  readonly #handle: FileHandle
  #buffer = Buffer.alloc(0)
  /** Offset of the buffer in the file, and of the next read in the buffer. */
  #start = 0
  #next = 0

  constructor(file: string, handle: FileHandle, size: number) {
    this.file = file
    this.#handle = handle
    this.size = size
  }

  get position(): number {
    return this.#start + this.#next
  }

  fail(reason: string): ModelFileError {
    return new ModelFileError(`${this.file}: ${reason}`)
  }

  async bytes(count: number): Promise<Buffer> {
    if (this.#next + count > this.#buffer.length) await this.#fill(count)
    this.#next += count
    return this.#buffer.subarray(this.#next - count, this.#next)
  }

  /** @throws ModelFileError unless the file goes on for that many bytes. */
  ensure(count: number, what: string): void {
    const missing = this.position + count - this.size
    if (missing > 0) throw this.#short(`${what} needs at least ${missing} more bytes`)
  }

  skip(count: number): void {
    this.ensure(count, 'the header')
    this.#next += count
  }

  async u32(): Promise<number> {
    return (await this.bytes(4)).readUInt32LE()
  }

  async u64(): Promise<bigint> {
    return (await this.bytes(8)).readBigUInt64LE()
  }

  /** A u64 that counts something of which at most `most` make sense. */
  async count(what: string, most: number): Promise<number> {
    const value = await this.u64()
    if (value > BigInt(most)) throw this.fail(`${what} is ${value}; at most ${most} is possible.`)
    return Number(value)
  }

  async stringLength(what: string, most: number): Promise<number> {
    const length = await this.count(`the length of ${what}`, most)
    this.ensure(length, what)
    return length
  }

  async string(what: string, most: number): Promise<string> {
    return (await this.bytes(await this.stringLength(what, most))).toString('utf8')
  }

  /** Passes over strings without making them. */
  async skipStrings(count: number, most: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      // Awaited only at the buffer's end: a vocabulary has 10⁵ strings.
      if (this.#next + 8 > this.#buffer.length) await this.#fill(8)
      const length = this.#buffer.readBigUInt64LE(this.#next)
      if (length > BigInt(most))
        throw this.fail(`a string is ${length} bytes long; at most ${most} is possible.`)
      this.skip(8 + Number(length))
    }
  }

  #short(detail: string): ModelFileError {
    return this.fail(`the file is truncated: ${detail}.`)
  }

  async #fill(count: number): Promise<void> {
    this.ensure(count, 'the header')
    const start = this.position
    const length = Math.min(Math.max(count, chunkBytes), this.size - start)
    const buffer = Buffer.allocUnsafe(length)
    for (let got = 0; got < length; ) {
      const { bytesRead } = await this.#handle.read(buffer, got, length - got, start + got)
      if (bytesRead === 0) throw this.#short('it shrank while it was read')
      got += bytesRead
    }
    this.#buffer = buffer
    this.#start = start
    this.#next = 0
  }
}
