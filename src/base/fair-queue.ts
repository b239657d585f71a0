import { assertInvariant } from './assert-invariant.ts'
import type { Share } from './share.ts'

/** What can wait in a fair queue. */
export interface Queued {
  readonly share: Share
  /** For adapters(). */
  readonly adapter?: string | undefined
}

/** What a tenant has had. */
interface Account {
  /** Cost over weights. Tenants that have work waiting all the time have the same, but for what is running. */
  served: number
  /** Of what waits or runs, how much is its. */
  present: number
}

interface Ticket {
  readonly account: Account
  /** In order of arrival. */
  readonly number: number
  /** What all tenants had had when it came. */
  readonly arrivedAt: number
  /** What it has had since. */
  own: number
}

/**
 * Who is next: the lowest priority number first; within it the tenant that has had the least for its weight; within a tenant
 * the first that came. What it has had is counted in what the queue's owner charges: sequences cost tokens, those of a prompt
 * when it is admitted first, as far as they are not cached, and generated ones as they come; calls cost milliseconds of CPU.
 *
 * Start-time fair queueing: a tenant that comes back gets no credit for the time it was away. Two tenants that have
 * something waiting all the time differ in cost over weight by at most what one of them can have running.
 * Nobody starves: with every `aging` that others are served meanwhile one that is not through goes up by one priority.
 */
export class FairQueue<Item extends Queued> {
  readonly #aging: number
  /** Those that wait, of one tenant and one priority each: first come, first served. */
  readonly #lines = new Map<string, Set<Item>>()
  readonly #accounts = new Map<string, Account>()
  readonly #tickets = new Map<Item, Ticket>()
  /** Of those that wait: how many have each adapter. */
  readonly #adapters = new Map<string | undefined, number>()
  #size = 0
  #numbers = 0
  /** Cost of all tenants together. */
  #total = 0
  /** What the tenant that was served last had had before. */
  #clock = 0

  /** @param aging in what is charged */
  constructor(aging: number) {
    this.#aging = aging
  }

  /** Of those that wait. */
  get size(): number {
    return this.#size
  }

  /** Adapters of those that wait. */
  adapters(): Iterable<string | undefined> {
    return this.#adapters.keys()
  }

  *waiting(): Iterable<Item> {
    for (const line of this.#lines.values()) yield* line
  }

  /** @param place one of the same tenant and priority, as whom this one came, and which has been admitted before. */
  add(item: Item, place?: Item): void {
    const account = this.#accountOf(item.share.tenant)
    if (account.present++ === 0) account.served = Math.max(account.served, this.#clock)
    const known = place && this.#tickets.get(place)
    const { number = this.#numbers++, arrivedAt = this.#total, own = 0 } = known ?? {}
    this.#tickets.set(item, { account, number, arrivedAt, own })
    this.#enterLine(item, number)
  }

  /** The next that waits, without those that have been passed over. */
  next(passedOver: ReadonlySet<Item>): Item | undefined {
    let best: Item | undefined
    for (const line of this.#lines.values()) {
      for (const first of line) {
        if (passedOver.has(first)) continue
        if (best === undefined || this.compare(first, best) < 0) best = first
        break
      }
    }
    return best
  }

  /** It waits no longer. @param cost that is known by now. */
  admit(item: Item, cost: number): void {
    const { account } = this.#ticketOf(item)
    this.#clock = Math.max(this.#clock, account.served)
    this.#leaveLine(item)
    this.charge(item, cost)
  }

  /** Its tenant has had as much. */
  charge(item: Item, cost: number): void {
    const ticket = this.#ticketOf(item)
    ticket.account.served += cost / item.share.weight
    ticket.own += cost
    this.#total += cost
  }

  /** One that was admitted has given up its slot: it waits in its line, in order of arrival. */
  readmit(item: Item): void {
    this.#enterLine(item, this.#ticketOf(item).number)
  }

  /** It has ended, wherever it was. */
  remove(item: Item): void {
    const ticket = this.#tickets.get(item)
    if (ticket === undefined) return
    this.#leaveLine(item)
    this.#tickets.delete(item)
    ticket.account.present--
    // One that owes nothing is as good as new.
    if (ticket.account.present === 0 && ticket.account.served <= this.#clock)
      this.#accounts.delete(item.share.tenant)
  }

  /** Of one that waits or runs: the lower, the more urgent. It falls while others are served. */
  priorityOf(item: Item): number {
    const { arrivedAt, own } = this.#ticketOf(item)
    const ofOthers = this.#total - arrivedAt - own
    return Math.max(0, item.share.priority - Math.floor(ofOthers / this.#aging))
  }

  /** What its tenant has had: cost over weight. */
  servedOf(item: Item): number {
    return this.#ticketOf(item).account.served
  }

  /** Negative when `a` goes before `b`, be they waiting or running. */
  compare(a: Item, b: Item): number {
    const [one, other] = [this.#ticketOf(a), this.#ticketOf(b)]
    return (
      this.priorityOf(a) - this.priorityOf(b) ||
      one.account.served - other.account.served ||
      one.number - other.number
    )
  }

  /** @throws Error when lines, tickets and accounts contradict each other. @param running those that were admitted. */
  checkInvariants(running: ReadonlySet<Item>): void {
    const adapters = new Map<string | undefined, number>()
    const present = new Map<Account, number>()
    for (const [name, line] of this.#lines) {
      for (const item of line) {
        const { adapter } = item
        assertInvariant(name === lineName(item), `one of ${lineName(item)} waits in the line of ${name}`)
        adapters.set(adapter, (adapters.get(adapter) ?? 0) + 1)
      }
    }
    for (const item of [...this.waiting(), ...running]) {
      const { account } = this.#ticketOf(item)
      present.set(account, (present.get(account) ?? 0) + 1)
    }
    assertInvariant(sum(adapters.values()) === this.#size, `${this.#size} are said to wait`)
    assertInvariant(equal(adapters, this.#adapters), 'adapters of those that wait are miscounted')
    assertInvariant(this.#tickets.size === this.#size + running.size, `${this.#tickets.size} have tickets`)
    for (const [tenant, account] of this.#accounts) {
      assertInvariant(
        account.present === (present.get(account) ?? 0),
        `tenant ${tenant} has ${account.present}`,
      )
      assertInvariant(account.served >= 0, `tenant ${tenant} has had ${account.served}`)
    }
  }

  #accountOf(tenant: string): Account {
    const known = this.#accounts.get(tenant)
    if (known !== undefined) return known
    const account = { served: 0, present: 0 }
    this.#accounts.set(tenant, account)
    return account
  }

  #lineOf(item: Item): Set<Item> {
    const name = lineName(item)
    const known = this.#lines.get(name)
    if (known !== undefined) return known
    const line = new Set<Item>()
    this.#lines.set(name, line)
    return line
  }

  #enterLine(item: Item, number: number): void {
    const line = this.#lineOf(item)
    // Behind whoever has the last number nobody can be.
    const later =
      number === this.#numbers - 1 ? [] : [...line].filter((other) => this.#ticketOf(other).number > number)
    for (const other of later) line.delete(other)
    for (const one of [item, ...later]) line.add(one)
    this.#size++
    this.#adapters.set(item.adapter, (this.#adapters.get(item.adapter) ?? 0) + 1)
  }

  #leaveLine(item: Item): void {
    const name = lineName(item)
    const line = this.#lines.get(name)
    if (line?.delete(item) !== true) return
    this.#size--
    const others = (this.#adapters.get(item.adapter) ?? 1) - 1
    if (others > 0) this.#adapters.set(item.adapter, others)
    else this.#adapters.delete(item.adapter)
    if (line.size === 0) this.#lines.delete(name)
  }

  #ticketOf(item: Item): Ticket {
    const ticket = this.#tickets.get(item)
    if (ticket === undefined) throw new Error(`${lineName(item)}: it is not in the queue`)
    return ticket
  }
}

function lineName({ share }: Queued): string {
  return `${share.priority} ${share.tenant}`
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, number) => total + number, 0)
}

function equal<K>(one: ReadonlyMap<K, number>, other: ReadonlyMap<K, number>): boolean {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value)
}
