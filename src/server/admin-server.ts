import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { required } from '../api/contract/fates.ts'
import { readDeclared } from '../api/contract/field.ts'
import { Fields } from '../api/contract/fields.ts'
import { oneOf } from '../api/contract/kinds.ts'
import { ServingError } from '../base/errors.ts'
import { logLevels } from '../config/schema.ts'
import { holderOf } from '../http/access/access.ts'
import type { ApiKeys } from '../http/access/api-keys.ts'
import { isLoopback } from '../http/access/loopback.ts'
import { takeJsonOnly } from '../http/body/json-request.ts'
import { answerErrors } from '../http/error-answers.ts'
import { httpServer } from '../http/http-server.ts'
import { transportOf } from '../http/transport.ts'

/** Parts of the server that an administrator controls. */
export interface AdminControls {
  /** Logger whose level may change. */
  readonly log: FastifyBaseLogger
  /** Keys, of which those with `admin` are let in; undefined: every client on this machine is. */
  readonly keys: () => ApiKeys | undefined
  /** Reads the keys now; true when they have changed. Undefined where there is no file. @throws Error that names what is wrong. */
  readonly reloadKeys: (() => boolean) | undefined
  /** Shuts the server down, as SIGTERM does. */
  readonly drain: () => void
}

/** Bytes of a body. */
const MAX_BODY_BYTES = 65_536
/** Time in which a request has to arrive. */
const RECEIVE_MS = 30_000

/** The server of the admin port. */
export function buildAdminServer(controls: AdminControls): FastifyInstance {
  const { log } = controls
  const app = httpServer(
    {
      log,
      transport: transportOf({ tls: undefined, clientCertificates: 'unasked', receiveMs: RECEIVE_MS }),
      onError: () => undefined,
      onAborted: () => undefined,
      // The hook below is stricter.
      ownHostsOnly: false,
    },
    { requestTimeout: RECEIVE_MS },
  )
  app.decorateRequest('tenant', undefined)
  app.addHook('onRequest', async (request) => {
    const keys = controls.keys()
    if (keys !== undefined) {
      if (!holderOf(request, keys).admin) throw notPermitted('Your key is not one of an administrator.')
      // A page in a browser on this machine sends the name of its own host.
    } else if (!isLoopback(request.hostname.replace(/^\[|\]$/g, ''))) {
      throw notPermitted('Without keys this port is asked by the name or address of its own machine.')
    }
  })
  takeJsonOnly(app, MAX_BODY_BYTES, 16 * MAX_BODY_BYTES)
  answerErrors(app, () => undefined)
  adminRoutes(app, controls)
  return app
}

const levelBody = { level: required(oneOf(logLevels)) }

function adminRoutes(app: FastifyInstance, { log, reloadKeys, drain }: AdminControls): void {
  app.get('/admin/log-level', async () => ({ level: log.level }))
  app.post('/admin/log-level', async (request) => {
    const { level } = readDeclared(Fields.ofBody(request), levelBody)
    log.info({ level }, 'log level changed')
    log.level = level
    return { level }
  })
  app.post('/admin/keys/reload', async () => {
    if (reloadKeys === undefined) throw new ServingError('invalid_value', 'This server has no file of keys.')
    try {
      return { changed: reloadKeys() }
    } catch (error) {
      throw new ServingError('invalid_value', `The last keys stay: ${(error as Error).message}`)
    }
  })
  app.post('/admin/drain', async (_request, reply) => {
    setImmediate(drain)
    return reply.code(202).send({ draining: true })
  })
}

function notPermitted(message: string): ServingError {
  return new ServingError('not_permitted', message)
}
