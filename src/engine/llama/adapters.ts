import type { NativeAdapter, NativeContext } from './addon.ts'

/** LoRA adapters of a context: at most one is applied at a time, to all of a pass. To be called between passes only. */
export class LlamaAdapters {
  readonly #context: NativeContext
  readonly #load: (path: string) => Promise<NativeAdapter>
  readonly #known = new Map<string, NativeAdapter>()
  #applied: string | undefined

  constructor(context: NativeContext, load: (path: string) => Promise<NativeAdapter>) {
    this.#context = context
    this.#load = load
  }

  has(id: string): boolean {
    return this.#known.has(id)
  }

  async load(id: string, path: string): Promise<void> {
    if (!this.#known.has(id)) this.#known.set(id, await this.#load(path))
  }

  async unload(id: string): Promise<void> {
    const adapter = this.#known.get(id)
    if (adapter === undefined) return
    if (this.#applied === id) this.apply(undefined)
    this.#known.delete(id)
    await adapter.dispose()
  }

  /** @param id of a known adapter; undefined: none. */
  apply(id: string | undefined): void {
    if (id === this.#applied) return
    const adapter = id === undefined ? undefined : this.#known.get(id)
    this.#context.setLoras(adapter ? [adapter] : [], adapter ? [1] : [])
    this.#applied = id
  }
}
