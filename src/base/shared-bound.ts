import { assertInvariant } from './assert-invariant.ts'

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

  /** @throws Error unless all that is held is `all`, and no tenant holds less than nothing. */
  checkInvariants(all: number): void {
    const each = [...this.#by.values()]
    const sum = each.reduce((total, own) => total + own, 0)
    assertInvariant(
      sum === this.#all && sum === all,
      `${sum} are held by tenants, ${this.#all} in all, not ${all}`,
    )
    assertInvariant(
      each.every((own) => own > 0),
      'a tenant holds less than nothing',
    )
  }
}

/** Of a bound that one tenant alone could fill. */
export function keptOf(limit: number): number {
  return Number.isFinite(limit) ? Math.floor(limit / 4) : 0
}
