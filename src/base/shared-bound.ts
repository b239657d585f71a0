import { assertInvariant } from './assert-invariant.ts'

/** Counts what tenants hold of a bounded thing, each and together. */
export class SharedBound {
  #all = 0
  readonly #by = new Map<string, number>()

  get all(): number {
    return this.#all
  }

  /**
   * Whether a tenant may have so many more. With a limit of 100 and 25 kept, any tenant may fill the first 75, and the last 25 are
   * for tenants that then have at most 25.
   * @param tenant '' without tenants: all of the limit is free.
   * @param kept the last part of the limit.
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

/** A quarter of a bound, so that one tenant alone cannot fill it. */
export function keptOf(limit: number): number {
  return Number.isFinite(limit) ? Math.floor(limit / 4) : 0
}
