import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** The other side of our ZeroMQ sockets, written for itself: ZMTP 3.0 as a client speaks it, no more than tests need. */
export class ZmqClient {
  readonly socket: Socket
  readonly messages: Buffer[][] = []
  readonly commands: string[] = []
  #bytes = Buffer.alloc(0)
  #frames: Buffer[] = []
  #greeted = false
  #wake: (() => void) | undefined
  closed = false

  constructor(socket: Socket, type: string) {
    this.socket = socket
    const greeting = Buffer.concat([
      Buffer.from('ff00000000000000017f', 'hex'),
      Buffer.from([3, 1]),
      Buffer.from('NULL'.padEnd(20, '\0')),
      Buffer.alloc(32),
    ])
    const data = Buffer.concat([
      Buffer.from('\x05READY\x0bSocket-Type'),
      Buffer.from([0, 0, 0, type.length]),
      Buffer.from(type),
      Buffer.from('\x08Identity\0\0\0\0'),
    ])
    socket.write(Buffer.concat([greeting, Buffer.from([4, data.length]), data]))
    socket.on('data', (bytes) => this.#read(bytes))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.closed = true
      this.#wake?.()
    })
  }

  static async connect(port: number, type: string): Promise<ZmqClient> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new ZmqClient(socket, type)
  }

  /** A socket that is called. */
  static async listen(type: string, port = 0): Promise<{ port: number; peers: ZmqClient[]; close(): void }> {
    const peers: ZmqClient[] = []
    const server = createServer((socket) => peers.push(new ZmqClient(socket, type)))
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const close = (): void => {
      server.close()
      for (const { socket } of peers) socket.destroy()
    }
    return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, peers, close }
  }

  subscribe(topic: string): void {
    this.send(Buffer.concat([Buffer.from([1]), Buffer.from(topic)]))
  }

  send(...frames: Buffer[]): void {
    for (const [index, frame] of frames.entries()) {
      this.socket.write(
        Buffer.concat([Buffer.from([index < frames.length - 1 ? 1 : 0, frame.length]), frame]),
      )
    }
  }

  /** The next message. @throws Error when none comes. */
  async next(timeoutMs = 5000): Promise<Buffer[]> {
    const deadline = setTimeout(() => this.#wake?.(), timeoutMs)
    const until = performance.now() + timeoutMs
    while (this.messages.length === 0 && !this.closed && performance.now() < until) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    clearTimeout(deadline)
    const message = this.messages.shift()
    if (message === undefined) throw new Error(this.closed ? 'the connection is closed' : 'no message came')
    return message
  }

  close(): void {
    this.socket.destroy()
  }

  #read(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    if (!this.#greeted) {
      if (this.#bytes.length < 64) return
      this.#greeted = true
      this.#bytes = this.#bytes.subarray(64)
    }
    for (;;) {
      const [flags = 0, short = 0] = this.#bytes
      const start = flags & 2 ? 9 : 2
      if (this.#bytes.length < start) return
      const end = start + (flags & 2 ? Number(this.#bytes.readBigUInt64BE(1)) : short)
      if (this.#bytes.length < end) return
      const body = Buffer.from(this.#bytes.subarray(start, end))
      this.#bytes = this.#bytes.subarray(end)
      if (flags & 4) this.commands.push(body.toString('latin1', 1, 1 + (body[0] ?? 0)))
      else {
        this.#frames.push(body)
        if (!(flags & 1)) this.messages.push(this.#frames.splice(0))
      }
      this.#wake?.()
    }
  }
}
