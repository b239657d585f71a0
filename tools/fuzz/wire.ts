import { connect } from 'node:net'
import type { FuzzRequest } from './requests.ts'

export interface WireAnswer {
  readonly status: number
  /** Names in lower case; the last of a name. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  readonly ms: number
}

/** Node takes half a close for a client that is gone: long enough to be answered before. */
const HALF_CLOSE_MS = 1500

/**
 * Sends a request's very bytes on a connection of its own, and reads to the end.
 * Undefined: the connection was closed without a word. @throws Error when there is no end in `limitMs`.
 */
export function sendBytes(
  port: number,
  request: FuzzRequest,
  limitMs: number,
): Promise<WireAnswer | undefined> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const timer = setTimeout(() => {
      socket.destroy()
      reject(
        new Error(`no end of the answer in ${limitMs} ms: ${Buffer.concat(chunks).toString().slice(0, 200)}`),
      )
    }, limitMs)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    // A server that refuses early resets while we are still sending: what it said before counts.
    socket.on('error', () => undefined)
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      clearTimeout(timer)
      const all = Buffer.concat(chunks)
      resolve(parseAnswer(all, performance.now() - started))
    })
    // Where lengths may lie, the end of what is sent must be told, or both sides would wait.
    const telling = request.plainHttp ? undefined : setTimeout(() => socket.end(), HALF_CLOSE_MS)
    socket.once('data', () => clearTimeout(telling))
    socket.once('close', () => clearTimeout(telling))
    socket.write(requestBytes(request))
  })
}

export function requestBytes({ method, path, headers, body }: FuzzRequest, keepAlive = false): Buffer {
  const names = new Set(headers.map(([name]) => name))
  const head: (readonly [string, string])[] = [['connection', keepAlive ? 'keep-alive' : 'close'], ...headers]
  if (!names.has('host')) head.unshift(['host', '127.0.0.1'])
  const chunked = headers.some(([name, value]) => name === 'transfer-encoding' && value === 'chunked')
  if (body !== undefined && !names.has('content-length') && !names.has('transfer-encoding')) {
    head.push(['content-length', String(body.length)])
  }
  const lines = [`${method} ${path} HTTP/1.1`, ...head.map(([name, value]) => `${name}: ${value}`), '', '']
  const sent = body === undefined ? Buffer.alloc(0) : chunked ? inChunks(body) : body
  return Buffer.concat([Buffer.from(lines.join('\r\n'), 'utf8'), sent])
}

function inChunks(body: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < body.length; at += 100) {
    const piece = body.subarray(at, at + 100)
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'))
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')])
}

function parseAnswer(bytes: Buffer, ms: number): WireAnswer | undefined {
  if (bytes.length === 0) return undefined
  const end = bytes.indexOf('\r\n\r\n')
  const [first = '', ...lines] = bytes
    .subarray(0, end === -1 ? bytes.length : end)
    .toString('latin1')
    .split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0)
  const rest = end === -1 ? Buffer.alloc(0) : bytes.subarray(end + 4)
  if (status === 100) return parseAnswer(rest, ms)
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    }),
  )
  const body = headers.get('transfer-encoding') === 'chunked' ? joinChunks(rest) : rest
  return { status, headers, body: body.toString('utf8'), ms }
}

function joinChunks(bytes: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const line = bytes.indexOf('\r\n', at)
    const length = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16)
    if (line === -1 || !(length > 0)) break
    pieces.push(bytes.subarray(line + 2, line + 2 + length))
    at = line + 4 + length
  }
  return Buffer.concat(pieces)
}
