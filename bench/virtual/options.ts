import { parseArgs } from 'node:util'
import type { EngineLimits } from '../../src/protocol/engine.ts'
import { notNegative, positive } from '../flags.ts'
import type { ServiceObjective } from '../report/statistics.ts'
import { type ScenarioSettings, scenarios } from '../workload/scenarios.ts'
import type { StepCost } from './cost.ts'

export interface SchedulerBenchOptions extends ScenarioSettings {
  readonly scenarios: readonly string[]
  readonly rounds: number
  readonly limits: EngineLimits
  readonly maxQueue: number
  /** 0: as the server chooses. */
  readonly itlTargetMs: number
  readonly cost: StepCost
  readonly objective: ServiceObjective
  /** Directory of the report and the plots. */
  readonly out: string | undefined
}

const flags = {
  scenarios: { type: 'string', default: Object.keys(scenarios).join(',') },
  streams: { type: 'string', default: '1,4,8,16' },
  rate: { type: 'string', default: '1' },
  scale: { type: 'string', default: '1' },
  rounds: { type: 'string', default: '10' },
  seed: { type: 'string', default: '1' },
  slots: { type: 'string', default: '8' },
  'context-size': { type: 'string', default: '4096' },
  'batch-size': { type: 'string', default: '512' },
  'max-queue': { type: 'string', default: '64' },
  'itl-target-ms': { type: 'string', default: '0' },
  'fixed-ms': { type: 'string', default: '15' },
  'decode-ms': { type: 'string', default: '4' },
  'prefill-ms': { type: 'string', default: '2' },
  'slo-ttft-ms': { type: 'string', default: '2000' },
  'slo-itl-ms': { type: 'string', default: '200' },
  out: { type: 'string' },
} as const

/** @throws Error for a flag that is not known or a value that is not a number where one is asked for. */
export function parseSchedulerOptions(args: readonly string[]): SchedulerBenchOptions {
  const { values } = parseArgs({ args: [...args], options: flags })
  const number = (flag: Exclude<keyof typeof flags, 'out'>): number => positive(flag, values[flag])
  return {
    scenarios: values.scenarios.split(','),
    streams: values.streams.split(',').map((text) => positive('streams', text)),
    rate: number('rate'),
    scale: number('scale'),
    rounds: number('rounds'),
    seed: number('seed'),
    limits: {
      slots: number('slots'),
      contextSize: number('context-size'),
      batchTokens: number('batch-size'),
    },
    maxQueue: number('max-queue'),
    itlTargetMs: notNegative('itl-target-ms', values['itl-target-ms']),
    cost: {
      fixedMs: number('fixed-ms'),
      decodeMs: number('decode-ms'),
      prefillMs: number('prefill-ms'),
    },
    objective: { ttftMs: number('slo-ttft-ms'), itlMs: number('slo-itl-ms') },
    out: values.out,
  }
}
