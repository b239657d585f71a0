// Stalled readers, slow senders, those who leave, those who ask for long answers and those who send long texts: what the others
// feel, and what is left of them: npm run test:abuse
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { percentile } from '../../bench/report/statistics.ts'
import type { Abuse } from './abusers.ts'
import type { Goodput } from './good-clients.ts'
import { type AbuseReport, abuseRounds, type Turn } from './rounds.ts'
import { faultsOf, goodputKept, timesLater } from './verdict.ts'

const { values } = parseArgs({
  options: {
    stalled: { type: 'string', default: '1000' },
    slowloris: { type: 'string', default: '2000' },
    /** In a turn: with two rounds, twice as many. */
    abort: { type: 'string', default: '5000' },
    pipelined: { type: 'string', default: '2000' },
    long: { type: 'string', default: '30' },
    texts: { type: 'string', default: '12' },
    rounds: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '20' },
    load: { type: 'string', default: '0.2' },
    /** Beside long answers: tokens far behind in a context cost more, so that a share of the slots is a smaller part of the capacity. */
    'load-beside-long': { type: 'string', default: '0.05' },
    'first-token-ms': { type: 'string', default: '5000' },
    /** Of the abusers' key, as in a file of keys; of four slots two are left to others. Empty: none. */
    'abuser-limits': { type: 'string', default: ', max_concurrent: 2' },
    serve: { type: 'string', default: '' },
    out: { type: 'string', default: 'abuse-results' },
  },
})

const counts = (['stalled', 'slowloris', 'abort', 'pipelined', 'long', 'texts'] as const).map(
  (abuse) => [abuse, Number(values[abuse])] as const,
)
const report = await abuseRounds({
  counts: Object.fromEntries(counts.filter(([, count]) => count > 0)),
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  load: Number(values.load),
  loadBesideLong: Number(values['load-beside-long']),
  firstTokenMs: Number(values['first-token-ms']),
  abuserLimits: values['abuser-limits'],
  flags: values.serve.split(' ').filter((flag) => flag !== ''),
  onTurn: (turn) => console.log(lineOf(turn)),
})
const faults = faultsOf(report)
tell(report)
mkdirSync(values.out, { recursive: true })
writeFileSync(`${values.out}/abuse.json`, `${JSON.stringify({ ...report, faults }, null, 1)}\n`)
console.log([...faults, faults.length === 0 ? 'passed' : `failed: ${faults.length}`].join('\n'))
process.exitCode = faults.length === 0 ? 0 : 1

function lineOf({ abuse, without, with: beside, during, after }: Turn): string {
  const held = `${during.descriptors.gateway} files, ${inMb(during)} during; ${after.descriptors.gateway}, ${inMb(after)} after`
  return `${abuse}: without ${told(without)}; with ${told(beside)}; ${held}`
}

function told({ asked, good, firstTokenMs, faults }: Goodput): string {
  const kinds = faults.length === 0 ? '' : ` (${[...new Set(faults)].join(', ')})`
  return `${good} of ${asked} good${kinds}, first token p50 ${Math.round(percentile(firstTokenMs, 0.5))} ms, p99 ${Math.round(percentile(firstTokenMs, 0.99))} ms`
}

function tell({ capacity, before, turns }: AbuseReport): void {
  console.log(
    `capacity ${capacity.toFixed(1)} answers/s; before: ${before.descriptors.gateway} files, ${inMb(before)}`,
  )
  for (const abuse of new Set(turns.map((turn): Abuse => turn.abuse)))
    console.log(
      `${abuse}: ${(100 * goodputKept(turns, abuse)).toFixed(1)} % of the goodput, p99 of the first token times ${timesLater(turns, abuse).toFixed(1)}`,
    )
}

function inMb({ rss }: Turn['after']): string {
  return `${Math.round(rss.gateway ?? 0)} MB`
}
