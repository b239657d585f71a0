import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Headers by which others find a request again, and what each may hold. Nothing else of a client's is sent back. */
const ECHOED: Readonly<Record<string, RegExp>> = {
  // KServe: its logger's name for a request. The other ce- headers would make the answer an event of the same type.
  'ce-id': /^[\w.:/-]{1,128}$/,
  // W3C trace context: version, trace, span, flags; no id is all zeros.
  traceparent: /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/,
}

/** Adds `x-request-id` to every answer, and what the client gave of the other ids. */
export function echoHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ id, headers }: FastifyRequest, reply) => {
    reply.header('x-request-id', id)
    for (const [name, allowed] of Object.entries(ECHOED)) {
      const given = headers[name]
      if (typeof given === 'string' && allowed.test(given)) reply.header(name, given)
    }
  })
}
