import type { Draw } from './draw.ts'

const numbers: readonly bigint[] = [
  0n,
  1n,
  2n,
  7n,
  0x7fffffffn,
  0xffffffffn,
  1n << 31n,
  1n << 32n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
]

/** A model file with something changed in its header, of `headerBytes`, or cut. */
export function mutateGguf(file: Buffer, headerBytes: number, draw: Draw): Buffer {
  let bytes: Buffer = Buffer.from(file)
  for (let left = 1 + draw.below(3); left > 0; left--) bytes = changeOnce(bytes, headerBytes, draw)
  return bytes
}

function changeOnce(bytes: Buffer, headerBytes: number, draw: Draw): Buffer {
  // The first bytes hold the counts; most of the rest is vocabulary.
  const reach = Math.min(bytes.length, draw.of([24, 400, 2000, headerBytes]))
  const at = draw.below(Math.max(1, reach))
  return draw.of<() => Buffer>([
    () => bytes.subarray(0, at),
    () => bytes.subarray(0, draw.below(bytes.length + 1)),
    () => withByte(bytes, at, draw.below(256)),
    () => withByte(bytes, at, (bytes[at] ?? 0) ^ (1 << draw.below(8))),
    () => withNumber(bytes, at, draw.of(numbers)),
    () => withNumber(bytes, at & ~3, draw.of(numbers)),
    () => Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + draw.below(16)), bytes.subarray(at)]),
    () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + draw.below(16))]),
    () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(0, at), bytes.subarray(at)]),
  ])()
}

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  if (at >= bytes.length) return bytes
  const changed = Buffer.from(bytes)
  changed.writeUInt8(value, at)
  return changed
}

function withNumber(bytes: Buffer, at: number, value: bigint): Buffer {
  if (at + 8 > bytes.length) return bytes
  const changed = Buffer.from(bytes)
  changed.writeBigUInt64LE(value, at)
  return changed
}
