import type { Engine } from '../engine/engine.ts'
import { type LlamaEngine, openLlama } from '../engine/llama.ts'
import { ParkingLot } from '../engine/parking-lot.ts'
import { SimulatedEngine } from '../engine/simulated.ts'
import { StepLoop } from '../engine/step-loop.ts'
import { ThreadTuner } from '../engine/thread-tuner.ts'
import { NoPrefixSlotCache } from '../kvcache/no-prefix-slot-cache.ts'
import { ParkedPrefixes } from '../kvcache/parked-prefixes.ts'
import { PrefixSlotCache } from '../kvcache/prefix-slot-cache.ts'
import { PacedPrefill, type Pass } from '../scheduler/prefill-budget.ts'
import { Scheduler } from '../scheduler/scheduler.ts'
import { Sequence } from '../scheduler/sequence.ts'
import { serveChild } from './child-channel.ts'
import type { EngineCommand, EngineInit, EngineMessage, EngineReady } from './protocol.ts'

/** Tokens by which a prompt advances in a pass, however slow the machine is. */
const LEAST_CHUNK = 16

serveChild<EngineInit, EngineCommand, EngineReady, EngineMessage>(async (init, channel) => {
  const { engine, modelBytes, parameters, prefixReuse, tune } = await open(init)
  const { slots, contextSize } = engine.limits
  const reuse = init.prefixCache && prefixReuse
  const space = reuse ? await parkingOf(engine, init) : undefined
  const cache = reuse ? new PrefixSlotCache(slots, space?.parked) : new NoPrefixSlotCache(slots)
  const parking = space?.parking
  // Fewer rows than a tile cost as much; one more is computed beside other streams.
  const pace = new PacedPrefill(init.itlTargetMs, Math.max(LEAST_CHUNK, (engine.limits.tile ?? 0) + 1))
  const loop = new StepLoop({
    engine,
    scheduler: new Scheduler(engine.limits, cache, { maxWaiting: init.maxWaiting, prefill: pace }),
    onPass: (pass) => {
      pace.observe(pass)
      tune(pass)
    },
    ...(parking && { parking }),
    now: () => performance.now(),
    onStep: (message) => {
      channel.send(message)
      channel.progress()
      channel.busy(message.stats.running + message.stats.waiting > 0)
    },
  })
  const stop = new AbortController()
  // A lost engine is a lost process: the rejection ends it, and the supervisor starts another.
  const running = loop.run(stop.signal)
  return {
    ready: { limits: engine.limits, kvCells: slots * contextSize, modelBytes, parameters },
    onMessage: (command) => {
      if (command.type === 'cancel') loop.cancel(command.id)
      else {
        channel.busy(true)
        loop.add(
          new Sequence({
            ...command,
            prompt: Array.from(command.prompt),
            generated: Array.from(command.generated),
          }),
        )
      }
    },
    close: async () => {
      stop.abort()
      await running
      await parking?.close(cache.idle())
      await engine.close()
    },
  }
})

/** A place that cannot be used costs recomputations, not the server. */
async function parkingOf(
  engine: Engine,
  { parking: place }: EngineInit,
): Promise<{ parked: ParkedPrefixes; parking: ParkingLot } | undefined> {
  if (place === undefined) return undefined
  const parked = new ParkedPrefixes(place.bytes)
  try {
    return { parked, parking: await ParkingLot.open(engine, parked, place) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    process.stderr.write(`prefixes are not kept outside of the slots: ${why}\n`)
    return undefined
  }
}

interface Opened {
  readonly engine: Engine
  readonly modelBytes: number
  readonly parameters: number
  readonly prefixReuse: boolean
  /** Told of every pass. */
  readonly tune: (pass: Pass) => void
}

async function open(init: EngineInit): Promise<Opened> {
  if (init.modelPath === 'simulated') {
    const tune = (): void => undefined
    return { engine: new SimulatedEngine(init), modelBytes: 0, parameters: 0, prefixReuse: true, tune }
  }
  const { engine, info } = await openLlama(init)
  return { engine, ...info, tune: init.tuneThreads ? threadTuning(engine, init.threads) : () => undefined }
}

function threadTuning(engine: LlamaEngine, cores: number): (pass: Pass) => void {
  const tuner = new ThreadTuner([cores, cores - 1, Math.ceil(cores / 2)].filter((threads) => threads > 0))
  let threads = cores
  return (pass) => {
    tuner.observe(pass)
    if (tuner.threads !== threads) engine.setThreads(tuner.threads)
    threads = tuner.threads
  }
}
