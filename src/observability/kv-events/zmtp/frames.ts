/** A frame of ZMTP 3.0 (RFC 23), as PUB and ROUTER need it. */
export interface Frame {
  readonly command: boolean
  /** Whether more frames of the same message follow. */
  readonly more: boolean
  readonly body: Buffer
}

const MORE = 1
const LONG = 2
const COMMAND = 4

/** Bytes of a frame's body at most: peers send a topic or a number. */
const LARGEST_BODY = 65_536

export const GREETING_BYTES = 64

/** Greeting of version 3.0, in which subscriptions come as messages, without security. */
export function greeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES)
  bytes[0] = 0xff
  bytes[9] = 0x7f
  bytes[10] = 3
  bytes.write('NULL', 12)
  return bytes
}

/** @throws Error for a peer that speaks something else. */
export function checkGreeting(bytes: Buffer): void {
  if (bytes[0] !== 0xff || ((bytes[9] ?? 0) & 1) !== 1) throw new Error('it does not speak ZMTP')
  if ((bytes[10] ?? 0) < 3) throw new Error('it speaks ZMTP before 3.0')
  const mechanism = bytes.toString('latin1', 12, 32).replace(/\0+$/, '')
  if (mechanism !== 'NULL') throw new Error(`it wants the security mechanism ${mechanism}`)
}

export function message(...bodies: readonly Uint8Array[]): Buffer {
  const frames = bodies.flatMap((body, index) => [head(index < bodies.length - 1 ? MORE : 0, body), body])
  return Buffer.concat(frames)
}

export function command(name: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from([name.length]), Buffer.from(name), data])
  return Buffer.concat([head(COMMAND, body), body])
}

/** @throws Error for a body that is none. */
export function readCommand(body: Buffer): { readonly name: string; readonly data: Buffer } {
  const end = 1 + (body[0] ?? 0)
  if (body.length < end) throw new Error('a command is cut short')
  return { name: body.toString('latin1', 1, end), data: body.subarray(end) }
}

/** The metadata of a READY command. */
export function property(name: string, value: string): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32BE(Buffer.byteLength(value))
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), size, Buffer.from(value)])
}

/** @throws Error for metadata that is none. */
export function properties(data: Buffer): Map<string, string> {
  const found = new Map<string, string>()
  for (let at = 0; at < data.length; ) {
    const name = at + 1 + (data[at] ?? 0)
    const value = name + 4
    if (value > data.length) throw new Error('metadata is cut short')
    const end = value + data.readUInt32BE(name)
    if (end > data.length) throw new Error('metadata is cut short')
    found.set(data.toString('latin1', at + 1, name).toLowerCase(), data.toString('latin1', value, end))
    at = end
  }
  return found
}

/**
 * Takes the first frame off what has arrived; undefined when it is not all there.
 * @throws Error for one that is too long.
 */
export function takeFrame(bytes: Buffer): { readonly frame: Frame; readonly rest: Buffer } | undefined {
  const flags = bytes[0] ?? 0
  const start = (flags & LONG) === 0 ? 2 : 9
  if (bytes.length < start) return undefined
  const size = start === 2 ? BigInt(bytes[1] ?? 0) : bytes.readBigUInt64BE(1)
  if (size > LARGEST_BODY) throw new Error('a frame is too long')
  const end = start + Number(size)
  if (bytes.length < end) return undefined
  const frame = {
    command: (flags & COMMAND) !== 0,
    more: (flags & MORE) !== 0,
    body: bytes.subarray(start, end),
  }
  return { frame, rest: bytes.subarray(end) }
}

function head(flags: number, { length }: Uint8Array): Buffer {
  if (length < 256) return Buffer.from([flags, length])
  const bytes = Buffer.alloc(9)
  bytes[0] = flags | LONG
  bytes.writeBigUInt64BE(BigInt(length), 1)
  return bytes
}
