import { assertInvariant } from './assert-invariant.ts'
import type { Share } from './share.ts'

/** Item that can wait in a fair queue. */
export interface Queued {
  readonly share: Share
  /** Adapter that the item needs; adapters() lists them. */
  readonly adapter?: string | undefined
}

/** One tenant's service so far. */
interface Flow {
  /** Cost over weight. Tenants that always have work waiting have nearly the same: they differ by what is running. */
  virtualTime: number
  /** Items of the tenant that wait or run. */
  present: number
}

interface Entry {
  readonly flow: Flow
  /** Order of arrival. */
  readonly number: number
  /** Cost of all tenants together when the item came. */
  readonly arrivedAt: number
  /** Cost of the item itself since then. */
  own: number
}

/**
 * A queue that is fair between tenants. The order: the lowest priority number first; within it the tenant with the least cost
 * for its weight; within a tenant the first that came. Cost is what the queue's owner charges: the scheduler charges tokens
 * (uncached prompt tokens on the first admission, generated ones as they come), the text client milliseconds of CPU.
 *
 * Start-time fair queueing: a tenant that comes back gets no credit for the time it was away. Two tenants that have
 * something waiting all the time differ in cost over weight by at most what one of them can have running.
 * Nothing starves: each time others have been served a cost of `aging` since an item came, it goes up by one priority. With an
 * aging of 1000 and a priority of 2, an item is as urgent as any after 2000 tokens of others.
 */
export class FairQueue<Item extends Queued> {
  readonly #aging: number
  /** Waiting items by tenant and priority: first come, first served. */
  readonly #backlogs = new Map<string, Set<Item>>()
  readonly #flows = new Map<string, Flow>()
  readonly #entries = new Map<Item, Entry>()
  /** How many waiting items need each adapter. */
  readonly #adapters = new Map<string | undefined, number>()
  #size = 0
  #numbers = 0
  /** Cost of all tenants together. */
  #total = 0
  /** Virtual time of the tenant that was served last, before that: where a tenant that comes back begins. */
  #virtualTime = 0

  /** @param aging cost of others after which an item goes up by one priority. */
  constructor(aging: number) {
    this.#aging = aging
  }

  /** How many items wait. */
  get size(): number {
    return this.#size
  }

  /** Adapters that waiting items need. */
  adapters(): Iterable<string | undefined> {
    return this.#adapters.keys()
  }

  *waiting(): Iterable<Item> {
    for (const backlog of this.#backlogs.values()) yield* backlog
  }

  /** @param place an admitted item of the same tenant and priority whose place in the order this one takes over. */
  add(item: Item, place?: Item): void {
    const flow = this.#flowOf(item.share.tenant)
    if (flow.present++ === 0) flow.virtualTime = Math.max(flow.virtualTime, this.#virtualTime)
    const known = place && this.#entries.get(place)
    const { number = this.#numbers++, arrivedAt = this.#total, own = 0 } = known ?? {}
    this.#entries.set(item, { flow, number, arrivedAt, own })
    this.#enqueue(item, number)
  }

  /** The next waiting item that is not among those passed over. */
  next(passedOver: ReadonlySet<Item>): Item | undefined {
    let best: Item | undefined
    for (const backlog of this.#backlogs.values()) {
      for (const first of backlog) {
        if (passedOver.has(first)) continue
        if (best === undefined || this.compare(first, best) < 0) best = first
        break
      }
    }
    return best
  }

  /** Takes a waiting item out of its backlog. @param cost what it is charged at once. */
  admit(item: Item, cost: number): void {
    const { flow } = this.#entryOf(item)
    this.#virtualTime = Math.max(this.#virtualTime, flow.virtualTime)
    this.#dequeue(item)
    this.charge(item, cost)
  }

  /** Charges a cost to the item and its tenant. */
  charge(item: Item, cost: number): void {
    const entry = this.#entryOf(item)
    entry.flow.virtualTime += cost / item.share.weight
    entry.own += cost
    this.#total += cost
  }

  /** Puts an admitted item that was preempted back into its backlog, in order of arrival. */
  readmit(item: Item): void {
    this.#enqueue(item, this.#entryOf(item).number)
  }

  /** Removes an item that has ended, whether it waited or ran. */
  remove(item: Item): void {
    const entry = this.#entries.get(item)
    if (entry === undefined) return
    this.#dequeue(item)
    this.#entries.delete(item)
    entry.flow.present--
    // A flow that is not ahead of virtual time is as good as a new one.
    if (entry.flow.present === 0 && entry.flow.virtualTime <= this.#virtualTime)
      this.#flows.delete(item.share.tenant)
  }

  /** Priority of a waiting or running item: the lower, the more urgent. It falls while others are served. */
  priorityOf(item: Item): number {
    const { arrivedAt, own } = this.#entryOf(item)
    const ofOthers = this.#total - arrivedAt - own
    return Math.max(0, item.share.priority - Math.floor(ofOthers / this.#aging))
  }

  /** Virtual time of the item's tenant: cost over weight. */
  virtualTimeOf(item: Item): number {
    return this.#entryOf(item).flow.virtualTime
  }

  /** Negative when `a` goes before `b`, whether they wait or run. */
  compare(a: Item, b: Item): number {
    const [one, other] = [this.#entryOf(a), this.#entryOf(b)]
    return (
      this.priorityOf(a) - this.priorityOf(b) ||
      one.flow.virtualTime - other.flow.virtualTime ||
      one.number - other.number
    )
  }

  /** @throws Error when backlogs, entries and flows contradict each other. @param running admitted items. */
  checkInvariants(running: ReadonlySet<Item>): void {
    const adapters = new Map<string | undefined, number>()
    const present = new Map<Flow, number>()
    for (const [name, backlog] of this.#backlogs) {
      for (const item of backlog) {
        const { adapter } = item
        assertInvariant(
          name === backlogName(item),
          `one of ${backlogName(item)} waits in the backlog of ${name}`,
        )
        adapters.set(adapter, (adapters.get(adapter) ?? 0) + 1)
      }
    }
    for (const item of [...this.waiting(), ...running]) {
      const { flow } = this.#entryOf(item)
      present.set(flow, (present.get(flow) ?? 0) + 1)
    }
    assertInvariant(sum(adapters.values()) === this.#size, `${this.#size} are said to wait`)
    assertInvariant(equal(adapters, this.#adapters), 'adapters of those that wait are miscounted')
    assertInvariant(this.#entries.size === this.#size + running.size, `${this.#entries.size} have tickets`)
    for (const [tenant, flow] of this.#flows) {
      assertInvariant(flow.present === (present.get(flow) ?? 0), `tenant ${tenant} has ${flow.present}`)
      assertInvariant(flow.virtualTime >= 0, `tenant ${tenant} has had ${flow.virtualTime}`)
    }
  }

  #flowOf(tenant: string): Flow {
    const known = this.#flows.get(tenant)
    if (known !== undefined) return known
    const flow = { virtualTime: 0, present: 0 }
    this.#flows.set(tenant, flow)
    return flow
  }

  #backlogOf(item: Item): Set<Item> {
    const name = backlogName(item)
    const known = this.#backlogs.get(name)
    if (known !== undefined) return known
    const backlog = new Set<Item>()
    this.#backlogs.set(name, backlog)
    return backlog
  }

  #enqueue(item: Item, number: number): void {
    const backlog = this.#backlogOf(item)
    // Nothing can be behind the last number.
    const later =
      number === this.#numbers - 1 ? [] : [...backlog].filter((other) => this.#entryOf(other).number > number)
    for (const other of later) backlog.delete(other)
    for (const one of [item, ...later]) backlog.add(one)
    this.#size++
    this.#adapters.set(item.adapter, (this.#adapters.get(item.adapter) ?? 0) + 1)
  }

  #dequeue(item: Item): void {
    const name = backlogName(item)
    const backlog = this.#backlogs.get(name)
    if (backlog?.delete(item) !== true) return
    this.#size--
    const others = (this.#adapters.get(item.adapter) ?? 1) - 1
    if (others > 0) this.#adapters.set(item.adapter, others)
    else this.#adapters.delete(item.adapter)
    if (backlog.size === 0) this.#backlogs.delete(name)
  }

  #entryOf(item: Item): Entry {
    const entry = this.#entries.get(item)
    if (entry === undefined) throw new Error(`${backlogName(item)}: it is not in the queue`)
    return entry
  }
}

function backlogName({ share }: Queued): string {
  return `${share.priority} ${share.tenant}`
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, number) => total + number, 0)
}

function equal<K>(one: ReadonlyMap<K, number>, other: ReadonlyMap<K, number>): boolean {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value)
}
