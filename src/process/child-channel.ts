/** The way from a child's entry file to its supervisor. */
export interface Channel<FromChild> {
  send(message: FromChild): void
  /** Reports whether the child has work in hand. */
  busy(busy: boolean): void
  /** Reports forward progress: a child that is busy and makes none is taken for hung. */
  progress(): void
}

export interface ChildBody<ToChild, Ready> {
  readonly ready: Ready
  onMessage(message: ToChild): void
  close(): Promise<void>
}

export type ParentFrame =
  | { readonly kind: 'init'; readonly epoch: number; readonly name: string; readonly init: unknown }
  | { readonly kind: 'message'; readonly epoch: number; readonly message: unknown }
  | { readonly kind: 'close'; readonly epoch: number }

export type ChildFrame =
  | { readonly kind: 'ready'; readonly epoch: number; readonly ready: unknown }
  | { readonly kind: 'message'; readonly epoch: number; readonly message: unknown }
  | { readonly kind: 'heartbeat'; readonly epoch: number; readonly progress: number; readonly busy: boolean }
  | { readonly kind: 'fatal'; readonly epoch: number; readonly message: string }

const HEARTBEAT_MS = 1000
/** Milliseconds between a failed start and the exit, for what llama.cpp still has to write. */
const LAST_LINES_MS = 200

/** Runs the child's side: waits for the init message, starts, and lives until a close message comes or the gateway is gone. */
export function serveChild<Init, ToChild, Ready, FromChild>(
  start: (init: Init, channel: Channel<FromChild>) => Promise<ChildBody<ToChild, Ready>>,
): void {
  let epoch = -1
  let progress = 0
  let busy = false
  let body: ChildBody<ToChild, Ready> | undefined
  const send = (frame: ChildFrame): void => {
    if (process.connected) process.send?.(frame, undefined, undefined, () => undefined)
  }
  const die = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error)
    const end = (): never => process.exit(1)
    process.send?.({ kind: 'fatal', epoch, message } satisfies ChildFrame, undefined, undefined, () => {
      // A child that has served does nothing more. What llama.cpp wrote of a failed start comes through the event loop.
      if (body === undefined) setTimeout(end, LAST_LINES_MS)
      else end()
    })
    setTimeout(end, 500)
  }
  const begin = async (init: Init): Promise<void> => {
    body = await start(init, {
      send: (message) => send({ kind: 'message', epoch, message }),
      busy: (now) => {
        busy = now
      },
      progress: () => {
        progress++
      },
    })
    send({ kind: 'ready', epoch, ready: body.ready })
  }
  process.on('message', (frame: ParentFrame) => {
    if (frame.kind === 'init') {
      epoch = frame.epoch
      process.title = `altiplano ${frame.name}`
      setInterval(() => send({ kind: 'heartbeat', epoch, progress, busy }), HEARTBEAT_MS)
      begin(frame.init as Init).catch(die)
    } else if (frame.epoch !== epoch) return
    else if (frame.kind === 'message') body?.onMessage(frame.message as ToChild)
    else void Promise.resolve(body?.close()).finally(() => process.exit(0))
  })
  // The parent decides: a Ctrl-C reaches the whole group, and streams have to drain first.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => undefined)
  // Without a gateway there is no work.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)
}
