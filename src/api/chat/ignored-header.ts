import type { FastifyReply } from 'fastify'
import type { Serving } from '../serving.ts'

const HEADER = 'x-ignored-params'
const MAX_NAMES = 32

/** Adds the names of fields without effect to the header `x-ignored-params`, and counts them. */
export function sendIgnored(reply: FastifyReply, serving: Serving, names: readonly string[]): void {
  if (names.length === 0) return
  serving.ignored(names)
  // A header is no place for a client's own bytes.
  const shown = names.slice(0, MAX_NAMES).map((name) => name.slice(0, 64).replace(/[^\w.[\]-]/g, '_'))
  const before = reply.getHeader(HEADER)
  reply.header(HEADER, [...(before === undefined ? [] : [before]), ...shown].join(', '))
}
