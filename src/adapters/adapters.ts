import type { LoraAdapter } from '../models/lora-adapter.ts'

/** An adapter with the name that clients ask for. */
export interface NamedAdapter extends LoraAdapter {
  readonly name: string
}

export interface AdapterEngine {
  /** Resolves when the engine, or the one that replaces it, has the adapter. Rejects with the engine's reason. */
  load(adapter: LoraAdapter): Promise<void>
  unload(id: string): void
  /** Called when the served names change, or the adapters behind them. */
  onChange(): void
  /** Whether a generation with the adapter runs or waits. */
  inUse(id: string): boolean
}

/** The adapters that are served, by name. Two names may be one adapter. */
export class Adapters {
  readonly #engine: AdapterEngine
  readonly #named = new Map<string, NamedAdapter>()
  /** Ids of adapters that have no name any more and are still in use: they are unloaded after that. */
  readonly #leaving = new Set<string>()

  constructor(engine: AdapterEngine) {
    this.#engine = engine
  }

  get names(): readonly string[] {
    return [...this.#named.keys()]
  }

  /** Names of adapters by id, one each. */
  namesById(): ReadonlyMap<string, string> {
    return new Map([...this.#named.values()].reverse().map(({ id, name }) => [id, name]))
  }

  find(name: string): NamedAdapter | undefined {
    return this.#named.get(name)
  }

  /** The adapters that an engine has to load, each once. */
  all(): NamedAdapter[] {
    return [...new Map([...this.#named.values()].map((adapter) => [adapter.id, adapter])).values()]
  }

  /** Serves an adapter from now on; an engine that starts loads it. */
  set(adapter: NamedAdapter): void {
    this.#leaving.delete(adapter.id)
    const before = this.#named.get(adapter.name)
    this.#named.set(adapter.name, adapter)
    if (before !== undefined) this.#forget(before)
    this.#engine.onChange()
  }

  /** Loads an adapter, then serves it. Rejects, and changes nothing, when the engine cannot load it. */
  async load(adapter: NamedAdapter): Promise<void> {
    await this.#engine.load(adapter)
    this.set(adapter)
  }

  /** Serves a name no more; generations with its adapter run to their end. False for an unknown name. */
  unload(name: string): boolean {
    const adapter = this.#named.get(name)
    if (adapter === undefined) return false
    this.#named.delete(name)
    this.#forget(adapter)
    this.#engine.onChange()
    return true
  }

  /** Called when a generation is over: unloads adapters that are in use no more. */
  onOver(): void {
    for (const id of this.#leaving) {
      if (this.#engine.inUse(id)) continue
      this.#leaving.delete(id)
      this.#engine.unload(id)
    }
  }

  #forget({ id }: LoraAdapter): void {
    if (this.all().some((other) => other.id === id)) return
    this.#leaving.add(id)
    this.onOver()
  }
}
