import type { FastifyReply } from 'fastify'
import { checkRoom, roomBehind } from '../../generation/fit.ts'
import type { Generation } from '../../generation/generation.ts'
import { at } from '../contract/field.ts'
import type { Fields } from '../contract/fields.ts'
import { integer } from '../contract/kinds.ts'
import type { Serving } from '../serving.ts'
import { sendIgnored } from './ignored-header.ts'
import type { ChangeListener } from './structured-output.ts'

/** Most tokens of an answer. llama-server: -1 is all that is left of the context, 0 reads the prompt and writes nothing. */
export const tokenLimit = integer({ min: -1 })

/** Most tokens of an answer, and the field that says so; no field: it is what a request gets that does not say. */
export interface TokenLimit {
  readonly tokens: number
  readonly field: string | undefined
}

/** The limit by the first of its names that is there; undefined: all that is left of the context. Others that differ are dropped. */
export function limitOf<
  Name extends string,
  Body extends { readonly [N in Name]: number | undefined } & { readonly [at]: Fields },
>(body: Body, names: readonly Name[]): TokenLimit | undefined {
  const given = names.filter((name) => body[name] !== undefined)
  const [field] = given
  const tokens = field && body[field]
  for (const name of given) if (body[name] !== tokens) body[at].drop(name)
  return field === undefined || tokens === undefined || tokens === -1 ? undefined : { tokens, field }
}

/**
 * Tokens that an answer gets: the limit, or as many as the context has room for where that is less.
 * @throws ServingError context_length_exceeded for a prompt that does not fit; with `strict` for a limit that does not.
 */
export function grantedTokens(
  promptTokens: number,
  limit: TokenLimit | undefined,
  contextSize: number,
  subject: 'messages' | 'input' | 'prompt',
  strict: boolean,
): number {
  const room = roomBehind(promptTokens, contextSize, subject, limit?.tokens === 0)
  if (limit === undefined) return room
  if (strict && limit.field !== undefined) checkRoom(promptTokens, limit.tokens, contextSize, subject)
  return Math.min(limit.tokens, room)
}

/** Whether the context had no room for all that the limit allows. Without a limit an answer that ends with the context is cut, too. */
export function isCut(limit: TokenLimit | undefined, { request }: Generation): boolean {
  return request.spec.maxTokens < (limit?.tokens ?? Number.POSITIVE_INFINITY)
}

/** Names a limit that was more than the context had room for, unless the answer's headers have been sent. */
function nameCutLimit(
  reply: FastifyReply,
  serving: Serving,
  limit: TokenLimit | undefined,
  generations: readonly Generation[],
): void {
  if (limit?.field === undefined || reply.raw.headersSent) return
  if (generations.some((one) => isCut(limit, one))) sendIgnored(reply, serving, [limit.field])
}

/** Starts generations. @param onChange receives the paths of a schema that are held to less, or to more, than they say. */
export type Start = (signal: AbortSignal, onChange: ChangeListener) => Promise<Generation[]>

/** Starts generations, and names to the client what it asked for and cannot have whole. */
export function namingChanges(
  start: Start,
  limit: TokenLimit | undefined,
  serving: Serving,
  reply: FastifyReply,
): (signal: AbortSignal) => Promise<Generation[]> {
  return async (signal) => {
    const generations = await start(signal, (paths) => sendIgnored(reply, serving, paths))
    nameCutLimit(reply, serving, limit, generations)
    return generations
  }
}
