import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Declaration of a metric: everything but its values. */
export interface Declaration {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** Labels, and those of their values that are known beforehand. */
  readonly labels: readonly { readonly name: string; readonly values?: readonly string[] }[]
  readonly help: string
}

/** Metrics that are declared one by one, and scraped together. */
export class MetricSet {
  readonly declarations: Declaration[] = []
  readonly #registry = new Registry()

  get contentType(): string {
    return this.#registry.contentType
  }

  /** Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  /** Every series has them. */
  protected label(labels: Readonly<Record<string, string>>): void {
    this.#registry.setDefaultLabels(labels)
  }

  /** CPU, memory and event loop of this process, by prom-client's names. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#registry })
  }

  /** @param known values of the label whose series are there from the start. */
  protected counter<Label extends string = never>(
    name: string,
    help: string,
    label?: Label,
    known: readonly string[] = [],
  ): Counter<Label> {
    const labelNames = label === undefined ? [] : [label]
    const counter: Counter = new Counter(this.#declared('counter', name, help, labelNames, known))
    for (const value of known) counter.inc({ [label ?? '']: value }, 0)
    return counter
  }

  protected histogram(name: string, help: string, buckets: readonly number[]): Histogram<never> {
    return new Histogram({ ...this.#declared('histogram', name, help, []), buckets: [...buckets] })
  }

  protected gauge<Label extends string = never>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ): ReadGauge<Label> {
    return new ReadGauge(this.#declared('gauge', name, help, labelNames))
  }

  /** Keeps a deprecated name, which is a gauge as it was, for some series of a counter; default: all of them. */
  protected formerly(
    name: string,
    now: string,
    labels: Readonly<Record<string, readonly string[]>> = {},
  ): void {
    const chosen = Object.entries(labels)
    const selectors = chosen.map(
      ([label, values]) => `${label}${values.length === 1 ? '=' : '=~'}"${values.join('|')}"`,
    )
    const series = selectors.length === 0 ? now : `${now}{${selectors.join()}}`
    this.gauge(name, `Deprecated, use ${series}`).readBy(async () => {
      const { values = [] } = (await this.#registry.getSingleMetric(now)?.get()) ?? {}
      return values
        .filter((one) => chosen.every(([label, among]) => among.includes(String(one.labels[label]))))
        .reduce((sum, { value }) => sum + value, 0)
    })
  }

  #declared<Label extends string>(
    type: Declaration['type'],
    name: string,
    help: string,
    labelNames: readonly Label[],
    values: readonly string[] = [],
  ) {
    this.declarations.push({ name, type, labels: labelNames.map((label) => ({ name: label, values })), help })
    return { name, help, labelNames, registers: [this.#registry] }
  }
}

/** A value, or the value and the labels of the one series. */
type Reading<Label extends string> =
  | number
  | { readonly value: number; readonly labels: Readonly<Record<Label, string>> }

/** A gauge that is read when it is scraped. */
export class ReadGauge<Label extends string> {
  #read: (() => Reading<Label> | Promise<Reading<Label>>) | undefined

  constructor(declared: ConstructorParameters<typeof Gauge<Label>>[0]) {
    const read = () => this.#read?.()
    new Gauge({
      ...declared,
      async collect() {
        const reading = await read()
        this.reset()
        if (typeof reading === 'number') this.set(reading)
        else if (reading !== undefined) this.set(reading.labels, reading.value)
      },
    })
  }

  readBy(read: () => Reading<Label> | Promise<Reading<Label>>): void {
    this.#read = read
  }
}
