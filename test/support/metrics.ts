import type { Metrics } from '../../src/metrics/metrics.ts'

type Labels = Readonly<Record<string, string>>

interface Series {
  readonly name: string
  readonly labels: Labels
  readonly value: number
}

/** What /metrics tells at one moment, in Prometheus' text format. */
export class Scrape {
  readonly text: string
  readonly #families: ReadonlySet<string>
  readonly #series: readonly Series[]

  constructor(text: string) {
    this.text = text
    this.#families = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name))
    this.#series = [...text.matchAll(/^([\w:]+)(?:\{(.*)\})? (\S+)$/gm)].map(
      ([, name = '', labels = '', value]) => ({ name, labels: labelsOf(labels), value: Number(value) }),
    )
  }

  /** The sum of all series that have these labels. @throws Error for a metric that is not there. */
  value(name: string, labels: Labels = {}): number {
    return this.#of(name)
      .filter((series) => Object.entries(labels).every(([label, value]) => series.labels[label] === value))
      .reduce((sum, { value }) => sum + value, 0)
  }

  /** Sums by the values of a label. */
  by(name: string, label: string): Record<string, number> {
    const values = new Set(this.#of(name).map(({ labels }) => labels[label] ?? ''))
    return Object.fromEntries([...values].map((value) => [value, this.value(name, { [label]: value })]))
  }

  #of(name: string): Series[] {
    const found = this.#series.filter((series) => series.name === name)
    if (found.length === 0 && !this.#families.has(name)) throw new Error(`there is no metric ${name}`)
    return found
  }
}

/** @param of a server's address, or metrics of this process. */
export async function scrape(of: string | Metrics): Promise<Scrape> {
  return new Scrape(typeof of === 'string' ? await (await fetch(`${of}/metrics`)).text() : await of.text())
}

/** See Scrape.value(). */
export async function metric(of: string | Metrics, name: string, labels?: Labels): Promise<number> {
  return (await scrape(of)).value(name, labels)
}

/** Whether no request runs or waits for a slot. */
export async function idle(url: string): Promise<boolean> {
  const metrics = await scrape(url)
  return metrics.value('vllm:num_requests_running') + metrics.value('vllm:num_requests_waiting') === 0
}

function labelsOf(text: string): Labels {
  const pairs = text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)
  return Object.fromEntries([...pairs].map(([, name, value]) => [name ?? '', value ?? '']))
}
