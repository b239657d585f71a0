/** How much of something tenants hold, together and each. */
export class SharedBound {
  #all = 0
  readonly #by = new Map<string, number>()

  get all(): number {
    return this.#all
  }

  /**
   * Whether a tenant may have so many more.
   * @param kept the last part of the limit: for tenants who have no more than that. Without tenants (''), for all.
   */
  takes(tenant: string, more: number, limit: number, kept: number): boolean {
    const all = this.#all + more
    if (all > limit) return false
    return tenant === '' || all <= limit - kept || (this.#by.get(tenant) ?? 0) + more <= kept
  }

  add(tenant: string, more: number): void {
    this.#all += more
    const own = (this.#by.get(tenant) ?? 0) + more
    if (own === 0) this.#by.delete(tenant)
    else this.#by.set(tenant, own)
  }
}

/** Of a bound that one tenant alone could fill. */
export function keptOf(limit: number): number {
  return Number.isFinite(limit) ? Math.floor(limit / 4) : 0
}
