import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Seen {
  readonly url: string
  readonly authorization: string | undefined
  readonly range: string | undefined
}

/** A hub on this machine: files by path, and ways to misbehave. */
export class StandInHub {
  readonly files = new Map<string, Buffer>()
  readonly seen: Seen[] = []
  /** Replaces the listing's entries. */
  listing: unknown
  /** Answered to everything, that many times. */
  failures: { status: number; times: number } = { status: 500, times: 0 }
  /** Breaks off transfers after that many bytes, that many times. */
  breaks: { after: number; times: number } = { after: 0, times: 0 }
  ignoreRange = false
  corrupt = false
  redirectTo: string | undefined
  readonly #server: Server = createServer((request, response) => this.#answer(request, response))

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  downloads(): Seen[] {
    return this.seen.filter(({ url }) => url.includes('/resolve/'))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { url = '', headers } = request
    this.seen.push({ url, authorization: headers.authorization, range: headers.range })
    if (this.failures.times > 0) {
      this.failures.times--
      response.writeHead(this.failures.status).end()
    } else if (url.startsWith('/api/')) response.end(JSON.stringify(this.listing ?? this.#entries()))
    else if (this.redirectTo) response.writeHead(302, { location: this.redirectTo + url }).end()
    else this.#file(url.split('/resolve/main/')[1] ?? '', headers.range, response)
  }

  #entries(): unknown[] {
    return [...this.files].map(([path, content]) => {
      const oid = createHash('sha256').update(content).digest('hex')
      return { type: 'file', path, size: content.length, lfs: { oid, size: content.length } }
    })
  }

  #file(path: string, range: string | undefined, response: ServerResponse): void {
    const content = this.files.get(path)
    if (!content) return void response.writeHead(404).end()
    const start = this.ignoreRange ? 0 : Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
    const body = Buffer.from(content.subarray(start))
    if (this.corrupt) body[body.length - 1] = (body.at(-1) ?? 0) ^ 1
    if (start > 0)
      response.setHeader('content-range', `bytes ${start}-${content.length - 1}/${content.length}`)
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': body.length })
    if (this.breaks.times === 0) return void response.end(body)
    this.breaks.times--
    response.write(body.subarray(0, this.breaks.after), () => setTimeout(() => response.destroy(), 30))
  }
}
