import { modelLoading } from '../base/errors.ts'
import type { AdapterMessage, EngineCommand } from '../protocol/engine-messages.ts'

/** Asks the engine process to load adapters, and matches its answers to the requests. */
export class AdapterLoader {
  readonly #send: (command: EngineCommand) => boolean
  readonly #pending = new Map<string, (error: Error | undefined) => void>()

  constructor(send: (command: EngineCommand) => boolean) {
    this.#send = send
  }

  /** Loads an adapter, or waits for a load that has begun. Rejects with the engine's reason, or when there is no engine. */
  load({ id, path }: { readonly id: string; readonly path: string }): Promise<void> {
    return new Promise((resolve, reject) => {
      const before = this.#pending.get(id)
      this.#pending.set(id, (error) => {
        before?.(error)
        if (error === undefined) resolve()
        else reject(error)
      })
      if (before === undefined && !this.#send({ type: 'load', id, path })) this.#settle(id, noEngine())
    })
  }

  onMessage({ id, error }: AdapterMessage): void {
    this.#settle(id, error === undefined ? undefined : new Error(error))
  }

  onEngineDown(): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id, noEngine())
  }

  #settle(id: string, error: Error | undefined): void {
    const settle = this.#pending.get(id)
    this.#pending.delete(id)
    settle?.(error)
  }
}

function noEngine(): Error {
  return modelLoading('the engine is not there')
}
