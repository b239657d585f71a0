import { insist } from '../insist.ts'
import type { Sequence } from './sequence.ts'

/** What a tenant has had. */
interface Account {
  /** Tokens over weights. Tenants that have work waiting all the time have the same, but for what is running. */
  served: number
  /** Sequences of it, waiting or running. */
  present: number
}

interface Ticket {
  readonly account: Account
  /** In order of arrival. */
  readonly number: number
  /** Tokens that all tenants had had when it came. */
  readonly arrivedAt: number
  /** Tokens that it has had since. */
  own: number
}

/**
 * Who is next: the lowest priority number first; within it the tenant that has had the fewest tokens for its weight; within
 * a tenant the first that came. A prompt's tokens count when it is admitted first, as far as they are not cached, and
 * generated ones as they come.
 *
 * Start-time fair queueing: a tenant that comes back gets no credit for the time it was away. Two tenants that have
 * something waiting all the time differ in tokens over weight by at most what one of them can have running.
 * Nobody starves: with every `aging` tokens that others are served meanwhile one that is not through goes up by one priority.
 */
export class FairQueue {
  readonly #aging: number
  /** Those that wait, of one tenant and one priority each: first come, first served. */
  readonly #lines = new Map<string, Set<Sequence>>()
  readonly #accounts = new Map<string, Account>()
  readonly #tickets = new Map<Sequence, Ticket>()
  /** Of those that wait: how many have each adapter. */
  readonly #adapters = new Map<string | undefined, number>()
  #size = 0
  #numbers = 0
  /** Tokens of all tenants together. */
  #total = 0
  /** What the tenant that was served last had had before. */
  #clock = 0

  /** @param aging tokens */
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

  *waiting(): Iterable<Sequence> {
    for (const line of this.#lines.values()) yield* line
  }

  /** @param place one of the same tenant and priority, as whom this one came, and which has been admitted before. */
  add(sequence: Sequence, place?: Sequence): void {
    const account = this.#accountOf(sequence.share.tenant)
    if (account.present++ === 0) account.served = Math.max(account.served, this.#clock)
    const known = place && this.#tickets.get(place)
    const { number = this.#numbers++, arrivedAt = this.#total, own = 0 } = known ?? {}
    this.#tickets.set(sequence, { account, number, arrivedAt, own })
    this.#enterLine(sequence, number)
  }

  /** The next that waits, without those that have been passed over. */
  next(passedOver: ReadonlySet<Sequence>): Sequence | undefined {
    let best: Sequence | undefined
    for (const line of this.#lines.values()) {
      for (const first of line) {
        if (passedOver.has(first)) continue
        if (best === undefined || this.compare(first, best) < 0) best = first
        break
      }
    }
    return best
  }

  /** It waits no longer. @param tokens of its prompt that have to be computed. */
  admit(sequence: Sequence, tokens: number): void {
    const { account } = this.#ticketOf(sequence)
    this.#clock = Math.max(this.#clock, account.served)
    this.#leaveLine(sequence)
    this.charge(sequence, tokens)
  }

  /** Its tenant has had these tokens. */
  charge(sequence: Sequence, tokens: number): void {
    const ticket = this.#ticketOf(sequence)
    ticket.account.served += tokens / sequence.share.weight
    ticket.own += tokens
    this.#total += tokens
  }

  /** One that was admitted has given up its slot: it waits in its line, in order of arrival. */
  readmit(sequence: Sequence): void {
    this.#enterLine(sequence, this.#ticketOf(sequence).number)
  }

  /** It has ended, wherever it was. */
  remove(sequence: Sequence): void {
    const ticket = this.#tickets.get(sequence)
    if (ticket === undefined) return
    this.#leaveLine(sequence)
    this.#tickets.delete(sequence)
    ticket.account.present--
    // One that owes nothing is as good as new.
    if (ticket.account.present === 0 && ticket.account.served <= this.#clock)
      this.#accounts.delete(sequence.share.tenant)
  }

  /** Of one that waits or runs: the lower, the more urgent. It falls while others are served. */
  priorityOf(sequence: Sequence): number {
    const { arrivedAt, own } = this.#ticketOf(sequence)
    const ofOthers = this.#total - arrivedAt - own
    return Math.max(0, sequence.share.priority - Math.floor(ofOthers / this.#aging))
  }

  /** What its tenant has had: tokens over weight. */
  servedOf(sequence: Sequence): number {
    return this.#ticketOf(sequence).account.served
  }

  /** Negative when `a` goes before `b`, be they waiting or running. */
  compare(a: Sequence, b: Sequence): number {
    const [one, other] = [this.#ticketOf(a), this.#ticketOf(b)]
    return (
      this.priorityOf(a) - this.priorityOf(b) ||
      one.account.served - other.account.served ||
      one.number - other.number
    )
  }

  /** @throws Error when lines, tickets and accounts contradict each other. @param running those that were admitted. */
  checkIntegrity(running: ReadonlySet<Sequence>): void {
    const adapters = new Map<string | undefined, number>()
    const present = new Map<Account, number>()
    for (const [name, line] of this.#lines) {
      for (const sequence of line) {
        const { id, slot, end, adapter, computed } = sequence
        insist(slot === undefined && end === undefined, `${id} has a slot or an end, and waits`)
        insist(computed === 0, `${id} waits, and has ${computed} tokens in a slot`)
        insist(name === lineName(sequence), `${id} waits in the line of ${name}`)
        adapters.set(adapter, (adapters.get(adapter) ?? 0) + 1)
      }
    }
    for (const sequence of [...this.waiting(), ...running]) {
      const { account } = this.#ticketOf(sequence)
      present.set(account, (present.get(account) ?? 0) + 1)
    }
    insist(sum(adapters.values()) === this.#size, `${this.#size} are said to wait`)
    insist(equal(adapters, this.#adapters), 'adapters of those that wait are miscounted')
    insist(this.#tickets.size === this.#size + running.size, `${this.#tickets.size} have tickets`)
    for (const [tenant, account] of this.#accounts) {
      insist(account.present === (present.get(account) ?? 0), `tenant ${tenant} has ${account.present}`)
      insist(account.served >= 0, `tenant ${tenant} has had ${account.served}`)
    }
  }

  #accountOf(tenant: string): Account {
    const known = this.#accounts.get(tenant)
    if (known !== undefined) return known
    const account = { served: 0, present: 0 }
    this.#accounts.set(tenant, account)
    return account
  }

  #lineOf(sequence: Sequence): Set<Sequence> {
    const name = lineName(sequence)
    const known = this.#lines.get(name)
    if (known !== undefined) return known
    const line = new Set<Sequence>()
    this.#lines.set(name, line)
    return line
  }

  #enterLine(sequence: Sequence, number: number): void {
    const line = this.#lineOf(sequence)
    // Behind whoever has the last number nobody can be.
    const later =
      number === this.#numbers - 1 ? [] : [...line].filter((other) => this.#ticketOf(other).number > number)
    for (const other of later) line.delete(other)
    for (const one of [sequence, ...later]) line.add(one)
    this.#size++
    this.#adapters.set(sequence.adapter, (this.#adapters.get(sequence.adapter) ?? 0) + 1)
  }

  #leaveLine(sequence: Sequence): void {
    const name = lineName(sequence)
    const line = this.#lines.get(name)
    if (line?.delete(sequence) !== true) return
    this.#size--
    const others = (this.#adapters.get(sequence.adapter) ?? 1) - 1
    if (others > 0) this.#adapters.set(sequence.adapter, others)
    else this.#adapters.delete(sequence.adapter)
    if (line.size === 0) this.#lines.delete(name)
  }

  #ticketOf(sequence: Sequence): Ticket {
    const ticket = this.#tickets.get(sequence)
    if (ticket === undefined) throw new Error(`${sequence.id} is not in the queue`)
    return ticket
  }
}

function lineName({ share }: Sequence): string {
  return `${share.priority} ${share.tenant}`
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, number) => total + number, 0)
}

function equal<K>(one: ReadonlyMap<K, number>, other: ReadonlyMap<K, number>): boolean {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value)
}
