import { channel } from 'node:diagnostics_channel'

/** What the gateway asks of one field of a request. Fields with several readings allow all of them. */
export interface FieldRead {
  /** OpenAI's notation: messages[0].content. */
  readonly path: string
  /** 'any': whoever reads it looks for itself. */
  readonly type?: 'any' | 'string' | 'boolean' | 'integer' | 'number' | 'array' | 'object'
  readonly required?: true
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly maxItems?: number
  /** Allowed texts; of a field of any type, some of what is allowed. */
  readonly enum?: readonly string[]
  /** It is taken and changes nothing. */
  readonly ignored?: true
  /** Why a value is not taken. */
  readonly refused?: string
}

const reads = channel('altiplano:field-reads')

let quiet = false

/** Told by whoever reads a field; nothing happens unless somebody listens. */
export function tell(read: FieldRead): void {
  if (reads.hasSubscribers && !quiet) reads.publish(read)
}

/** For reading what no client wrote: one protocol's fields, made from another's. */
export function readQuietly<T>(read: () => T): T {
  const before = quiet
  quiet = true
  try {
    return read()
  } finally {
    quiet = before
  }
}

/** The API's description is made by listening while sample requests are read. Returns how to stop. */
export function onFieldRead(listener: (read: FieldRead) => void): () => void {
  const listen = (message: unknown): void => listener(message as FieldRead)
  reads.subscribe(listen)
  return () => reads.unsubscribe(listen)
}
