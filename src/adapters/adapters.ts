import type { LoraAdapter } from '../models/lora-adapter.ts'

/** An adapter by the name that clients ask for. */
export interface NamedAdapter extends LoraAdapter {
  readonly name: string
}

export interface AdapterEngine {
  /** Resolves when the engine has it, be it the next one. Rejects with the engine's reason. */
  load(adapter: LoraAdapter): Promise<void>
  unload(id: string): void
  /** Other names than before are served, or other adapters by them. */
  onChange(): void
  /** Whether a generation runs or waits with it. */
  inUse(id: string): boolean
}

/** The adapters that are served, by name. Two names may be one adapter. */
export class Adapters {
  readonly #engine: AdapterEngine
  readonly #named = new Map<string, NamedAdapter>()
  /** Without a name, but still in use: forgotten when that ends. */
  readonly #leaving = new Set<string>()

  constructor(engine: AdapterEngine) {
    this.#engine = engine
  }

  get names(): readonly string[] {
    return [...this.#named.keys()]
  }

  /** A name of each, by their ids. */
  namesById(): ReadonlyMap<string, string> {
    return new Map([...this.#named.values()].reverse().map(({ id, name }) => [id, name]))
  }

  find(name: string): NamedAdapter | undefined {
    return this.#named.get(name)
  }

  /** Those that an engine has to know, each once. */
  all(): NamedAdapter[] {
    return [...new Map([...this.#named.values()].map((adapter) => [adapter.id, adapter])).values()]
  }

  /** Served from now on; an engine that starts gets it. */
  set(adapter: NamedAdapter): void {
    this.#leaving.delete(adapter.id)
    const before = this.#named.get(adapter.name)
    this.#named.set(adapter.name, adapter)
    if (before !== undefined) this.#forget(before)
    this.#engine.onChange()
  }

  /** Rejects, and changes nothing, when the engine does not take it. */
  async load(adapter: NamedAdapter): Promise<void> {
    await this.#engine.load(adapter)
    this.set(adapter)
  }

  /** False when there is none of that name. What runs with it runs to its end. */
  unload(name: string): boolean {
    const adapter = this.#named.get(name)
    if (adapter === undefined) return false
    this.#named.delete(name)
    this.#forget(adapter)
    this.#engine.onChange()
    return true
  }

  /** A generation is over. */
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
