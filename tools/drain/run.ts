// Rolling restarts under load, and no stream is lost: npm run test:drain -- --restarts 50
import { parseArgs } from 'node:util'
import { percentile } from '../../bench/report/statistics.ts'
import { rollingRestarts } from './rolling-restarts.ts'

const { values } = parseArgs({
  options: {
    restarts: { type: 'string', default: '50' },
    load: { type: 'string', default: '0.7' },
    tokens: { type: 'string', default: '64' },
    'measure-s': { type: 'string', default: '20' },
    'rest-s': { type: 'string', default: '5' },
    /** More flags of the replicas. `--serve="--drain-timeout 0"` shows that losses are seen. */
    serve: { type: 'string', default: '' },
  },
})

const startedAt = performance.now()
const { capacity, restarts, streams } = await rollingRestarts({
  restarts: Number(values.restarts),
  load: Number(values.load),
  tokens: Number(values.tokens),
  measureSeconds: Number(values['measure-s']),
  restSeconds: Number(values['rest-s']),
  flags: values.serve.split(' ').filter((flag) => flag !== ''),
  onRestart: ({ streams, drainMs, startMs, code }) =>
    console.error(
      `ready in ${inS(startMs)}; ${streams} streams in the old one, gone in ${inS(drainMs)}, exit ${code}`,
    ),
})
const lost = streams.filter(({ error }) => error !== undefined)
const badExits = restarts.filter(({ code }) => code !== 0).length
const firstTokens = streams.flatMap(({ tics, sentAt }) => (tics[0] === undefined ? [] : [tics[0] - sentAt]))
const drains = restarts.map(({ drainMs }) => drainMs)
console.log(
  [
    `capacity of two replicas: ${capacity.toFixed(1)} streams/s of ${values.tokens} tokens; load: ${(Number(values.load) * capacity).toFixed(1)}/s for ${inS(performance.now() - startedAt)}`,
    `${restarts.length} restarts with ${restarts.reduce((sum, restart) => sum + restart.streams, 0)} streams inside; gone in p50 ${inS(percentile(drains, 0.5))}, max ${inS(Math.max(...drains))}`,
    `first token: p50 ${inS(percentile(firstTokens, 0.5))}, p99 ${inS(percentile(firstTokens, 0.99))}, max ${inS(Math.max(...firstTokens))}`,
    `${streams.length} streams, ${lost.length} lost; ${badExits} exits that were not 0`,
    ...new Set(lost.map(({ error }) => `  ${error}`)),
  ].join('\n'),
)
process.exitCode = lost.length + badExits === 0 && restarts.some((restart) => restart.streams > 0) ? 0 : 1

function inS(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
