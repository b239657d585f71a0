import { burstArrivals, poissonArrivals } from './arrivals.ts'
import { fixed, type Lengths } from './lengths.ts'
import { random, seedOf } from './random.ts'
import { atOnce, planSessions } from './sessions.ts'
import type { Session, Workload } from './workload.ts'

export interface ScenarioSettings {
  readonly seed: number
  /** Closed-loop concurrencies to measure. */
  readonly streams: readonly number[]
  /** Open-loop arrivals, in requests a second. */
  readonly rate: number
  /** Multiplies how many requests are sent, never their lengths. */
  readonly scale: number
}

/** Chat-like lengths: the longest request stays under 1,100 tokens. */
const chatPrompts: Lengths = { kind: 'lognormal', median: 96, sigma: 0.9, low: 8, high: 768 }
const chatOutputs: Lengths = { kind: 'lognormal', median: 64, sigma: 0.7, low: 8, high: 256 }

type Scenario = (settings: ScenarioSettings) => Workload

const count = (settings: ScenarioSettings, full: number): number =>
  Math.max(1, Math.round(full * settings.scale))

function closedLoop(settings: ScenarioSettings, streams: number): Workload {
  const requests = streams * count(settings, 4)
  return {
    name: `streams-${streams}`,
    description: `closed loop, ${streams} at a time, ${requests} requests of 128 + 128 tokens`,
    streams,
    sessions: planSessions({
      group: 'all',
      seed: seedOf(settings.seed, streams),
      arrivals: atOnce(requests),
      prompt: fixed(128),
      output: fixed(128),
    }),
  }
}

function poisson(settings: ScenarioSettings): Workload {
  const requests = count(settings, 40)
  const draw = random(seedOf(settings.seed, 'arrivals'))
  return {
    name: 'poisson',
    description: `open loop, ${requests} requests of mixed lengths at ${settings.rate} a second, half with a common prefix of 256 tokens`,
    streams: undefined,
    sessions: planSessions({
      group: 'all',
      seed: settings.seed,
      arrivals: poissonArrivals(requests, settings.rate, draw),
      prompt: chatPrompts,
      output: chatOutputs,
      sharedShare: 0.5,
      prefixTokens: 256,
    }),
  }
}

function sharedPrefix(settings: ScenarioSettings): Workload {
  const requests = count(settings, 16)
  return {
    name: 'shared-prefix',
    description: `${requests} requests at once, all with the same system prompt of 1,024 tokens, 64 + 64 of their own`,
    streams: undefined,
    sessions: planSessions({
      group: 'all',
      seed: settings.seed,
      arrivals: atOnce(requests),
      prompt: fixed(64),
      output: fixed(64),
      sharedShare: 1,
      prefixTokens: 1024,
    }),
  }
}

function multiTurn(settings: ScenarioSettings): Workload {
  const conversations = count(settings, 24)
  return {
    name: 'multi-turn',
    description: `${conversations} conversations at once of 4 turns of 96 + 64 tokens, each with all before it`,
    streams: conversations,
    sessions: planSessions({
      group: 'all',
      seed: settings.seed,
      arrivals: atOnce(conversations),
      prompt: fixed(96),
      output: fixed(64),
      turns: 4,
    }),
  }
}

function burst(settings: ScenarioSettings): Workload {
  const requests = count(settings, 48)
  return {
    name: 'burst',
    description: `${requests} requests of mixed lengths, 16 at once every 20 s`,
    streams: undefined,
    sessions: planSessions({
      group: 'all',
      seed: settings.seed,
      arrivals: burstArrivals(requests, 16, 20_000),
      prompt: chatPrompts,
      output: chatOutputs,
    }),
  }
}

/** What a running stream feels while others send long prompts. */
function arrivingPrompts(settings: ScenarioSettings): Workload {
  const prompts = count(settings, 8)
  const draw = random(seedOf(settings.seed, 'arrivals'))
  const arrivals = poissonArrivals(prompts, settings.rate / 4, draw)
  return {
    name: 'arriving-prompts',
    description: `4 running streams of 512 tokens; ${prompts} prompts of 1,000 to 2,000 tokens arrive at ${settings.rate / 4} a second`,
    streams: undefined,
    sessions: [...runningStreams(settings), ...longPrompts(settings, arrivals)],
  }
}

function runningStreams({ seed }: ScenarioSettings): Session[] {
  const lengths = { prompt: fixed(32), output: fixed(512) }
  return planSessions({ group: 'streams', seed, arrivals: atOnce(4), ...lengths })
}

function longPrompts({ seed }: ScenarioSettings, arrivals: readonly number[]): Session[] {
  const prompt: Lengths = { kind: 'uniform', low: 1000, high: 2000 }
  return planSessions({ group: 'prompts', seed, arrivals, prompt, output: fixed(16) })
}

function overload(settings: ScenarioSettings): Workload {
  const requests = count(settings, 128)
  return {
    name: 'overload',
    description: `${requests} requests of 64 + 32 tokens at once`,
    streams: undefined,
    sessions: planSessions({
      group: 'all',
      seed: settings.seed,
      arrivals: atOnce(requests),
      prompt: fixed(64),
      output: fixed(32),
    }),
  }
}

/** The standard set by name; a scenario may be several workloads. */
export const scenarios: Readonly<Record<string, (settings: ScenarioSettings) => Workload[]>> = {
  streams: (settings) => settings.streams.map((streams) => closedLoop(settings, streams)),
  poisson: one(poisson),
  'shared-prefix': one(sharedPrefix),
  'multi-turn': one(multiTurn),
  burst: one(burst),
  'arriving-prompts': one(arrivingPrompts),
  overload: one(overload),
}

function one(scenario: Scenario): (settings: ScenarioSettings) => Workload[] {
  return (settings) => [scenario(settings)]
}

/** No two scenarios share a prompt, so that none finds another's in a cache. @throws RangeError for a name that is not known. */
export function planWorkloads(names: readonly string[], settings: ScenarioSettings): Workload[] {
  return names.flatMap((name) => {
    const plan = scenarios[name]
    if (plan === undefined)
      throw new RangeError(`no scenario ${name}; there are ${Object.keys(scenarios).join(', ')}`)
    return plan({ ...settings, seed: seedOf(settings.seed, name) })
  })
}
