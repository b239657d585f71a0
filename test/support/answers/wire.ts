/** A request, as far as its answer depends on it. */
export interface Asked {
  readonly method: string
  readonly url: string
  /** Undefined: it is larger than what is looked at. */
  readonly body: string | undefined
}

/** An answer as it was sent. */
export interface WireAnswer {
  /** Undefined: what came was no request. */
  readonly asked: Asked | undefined
  readonly status: number
  /** Without parameters; empty where there is no body. */
  readonly type: string
  readonly body: string
  /** False where its connection was closed before its end. */
  readonly whole: boolean
}

const HEAD_END = Buffer.from('\r\n\r\n')

/** HTTP/1.1: the answers of one connection, out of the bytes that were sent over it. */
export class AnswerReader {
  readonly #asked: { method: string; url: string; body: string | undefined }[] = []
  #bytes: Buffer = Buffer.alloc(0)

  ask(method: string, url: string): void {
    this.#asked.push({ method, url, body: '' })
  }

  /** A piece of the body of what was asked last, a byte a character. Undefined: it is too large. */
  receive(text: string | undefined): void {
    const last = this.#asked.at(-1)
    if (last?.body !== undefined) last.body = text && last.body + text
  }

  push(bytes: Buffer): WireAnswer[] {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
    const answers: WireAnswer[] = []
    for (;;) {
      const answer = this.#next(false)
      if (answer === undefined) return answers
      answers.push(answer)
    }
  }

  /** The answer that the connection was closed in, or ended with. */
  close(): WireAnswer | undefined {
    return this.#next(true)
  }

  #next(closed: boolean): WireAnswer | undefined {
    const end = this.#bytes.indexOf(HEAD_END)
    if (end === -1) return undefined
    const [line = '', ...lines] = this.#bytes.subarray(0, end).toString('latin1').split('\r\n')
    const headers = new Map(lines.map((text) => headerOf(text)))
    const status = Number(line.split(' ')[1])
    const rest = this.#bytes.subarray(end + HEAD_END.length)
    if (status < 200) {
      this.#bytes = rest
      return this.#next(closed)
    }
    const [asked] = this.#asked
    const empty = asked?.method === 'HEAD' || status === 204 || status === 304
    const read = empty ? { body: rest.subarray(0, 0), length: 0, whole: true } : bodyOf(rest, headers, closed)
    if (!read.whole && !closed) return undefined
    this.#asked.shift()
    this.#bytes = rest.subarray(read.length)
    const type = empty ? '' : ((headers.get('content-type') ?? '').split(';')[0] ?? '')
    return { asked, status, type, body: read.body.toString('utf8'), whole: read.whole }
  }
}

interface Body {
  readonly body: Buffer
  /** Bytes of it on the wire. */
  readonly length: number
  readonly whole: boolean
}

function headerOf(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}

function bodyOf(bytes: Buffer, headers: ReadonlyMap<string, string>, closed: boolean): Body {
  if (headers.get('transfer-encoding') === 'chunked') return chunkedBody(bytes)
  const given = headers.get('content-length')
  const length = given === undefined ? bytes.length : Number(given)
  const whole = given === undefined ? closed : bytes.length >= length
  return { body: bytes.subarray(0, length), length: Math.min(length, bytes.length), whole }
}

function chunkedBody(bytes: Buffer): Body {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const line = bytes.indexOf('\r\n', at)
    const size = line === -1 ? Number.NaN : Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16)
    if (!(line + 2 + size + 2 <= bytes.length)) break
    at = line + 2 + size + 2
    if (size === 0) return { body: Buffer.concat(parts), length: at, whole: true }
    parts.push(bytes.subarray(line + 2, at - 2))
  }
  return { body: Buffer.concat(parts), length: bytes.length, whole: false }
}
