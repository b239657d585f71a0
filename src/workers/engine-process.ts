import { openLlama } from '../engine/llama/engine.ts'
import { ParkingLot } from '../engine/parking/parking-lot.ts'
import { StepLoop } from '../engine/step-loop.ts'
import { ThreadTuner } from '../engine/thread-tuner.ts'
import { NoPrefixSlotCache } from '../kvcache/no-prefix-slot-cache.ts'
import { ParkedPrefixes } from '../kvcache/parked-prefixes.ts'
import { PrefixSlotCache } from '../kvcache/prefix-slot-cache.ts'
import { SlotBlocks } from '../kvcache/slot-blocks.ts'
import { serveChild } from '../process/child-channel.ts'
import type { AdapterHost, Engine, SlotStorage } from '../protocol/engine.ts'
import type {
  AdapterMessage,
  EngineCommand,
  EngineInit,
  EngineMessage,
  EngineReady,
} from '../protocol/engine-messages.ts'
import { PacedPrefill, type Pass } from '../scheduler/prefill-budget.ts'
import { Scheduler } from '../scheduler/scheduler.ts'
import { Sequence } from '../scheduler/sequence.ts'
import { TransferCost } from '../scheduler/transfer-cost.ts'

serveChild<EngineInit, EngineCommand, EngineReady, EngineMessage>(async (init, channel) => {
  const { engine, modelBytes, parameters, tune, ...can } = await open(init)
  const { slots, contextSize } = engine.limits
  const reuse = init.prefixCache && can.prefixReuse
  const transfer = new TransferCost()
  const space = reuse && can.parking ? await parkingOf(engine, init, transfer) : undefined
  const cache = reuse ? new PrefixSlotCache(slots, space?.parked, transfer) : new NoPrefixSlotCache(slots)
  const parking = space?.parking
  // One more is computed by itself beside other streams.
  const { tile } = engine.limits
  const pace = new PacedPrefill(init.itlTargetMs, tile === undefined ? 0 : tile + 1)
  const loop = new StepLoop({
    engine,
    scheduler: new Scheduler(engine.limits, cache, { maxWaiting: init.maxWaiting, prefill: pace }),
    onPass: (pass) => {
      pace.observe(pass)
      transfer.onPass(pass)
      tune(pass)
    },
    ...(parking && { parking, idle: () => cache.idle() }),
    blocks: init.blockSize === undefined ? undefined : new SlotBlocks(init.blockSize),
    now: () => performance.now(),
    onStep: (message) => {
      // Sent once the next pass has begun: the gateway, woken by it, may be given this thread's core.
      setImmediate(() => channel.send(message))
      channel.progress()
      channel.busy(message.stats.running + message.stats.waiting > 0)
    },
  })
  for (const { id, path } of init.adapters) await engine.loadAdapter(id, path).catch(complain)
  const stop = new AbortController()
  // A lost engine is a lost process: the rejection ends it, and the supervisor starts another.
  const running = loop.run(stop.signal)
  return {
    ready: { limits: engine.limits, kvCells: slots * contextSize, modelBytes, parameters },
    onMessage: (command) => {
      if (command.type === 'cancel') loop.cancel(command.id)
      else if (command.type === 'load') {
        void loadAdapter(command, loop, engine).then((answer) => channel.send(answer))
      } else if (command.type === 'unload') {
        loop.between(() => engine.unloadAdapter(command.id)).catch(complain)
      } else {
        channel.busy(true)
        loop.add(new Sequence(command.id, command.spec, command.generated), command.replaces)
      }
    },
    close: async () => {
      stop.abort()
      await running
      await new Promise(setImmediate)
      await parking?.close(cache.idle())
      await engine.close()
    },
  }
})

async function loadAdapter(
  { id, path }: { readonly id: string; readonly path: string },
  loop: StepLoop,
  engine: AdapterHost,
): Promise<AdapterMessage> {
  try {
    await loop.between(() => engine.loadAdapter(id, path))
    return { type: 'adapter', id, error: undefined }
  } catch (error) {
    return { type: 'adapter', id, error: error instanceof Error ? error.message : String(error) }
  }
}

/** Writes an adapter's error, which the gateway logs. */
function complain(error: unknown): void {
  process.stderr.write(`an adapter: ${error instanceof Error ? error.message : String(error)}\n`)
}

/** Opens the parking place. One that cannot be used costs recomputations, not the server. */
async function parkingOf(
  engine: SlotStorage,
  { parking: place }: EngineInit,
  transfer: TransferCost,
): Promise<{ parked: ParkedPrefixes; parking: ParkingLot } | undefined> {
  if (place === undefined) return undefined
  const parked = new ParkedPrefixes(place.bytes)
  try {
    return {
      parked,
      parking: await ParkingLot.open(engine, parked, place, (tokens, ms) => transfer.onRestored(tokens, ms)),
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    process.stderr.write(`Cannot park prefixes outside of the slots: ${why}\n`)
    return undefined
  }
}

interface Opened {
  readonly engine: Engine & SlotStorage & AdapterHost
  readonly modelBytes: number
  readonly parameters: number
  /** See LlamaEngineInfo. */
  readonly prefixReuse: boolean
  readonly parking: boolean
  /** Takes the time of every pass. */
  readonly tune: (pass: Pass) => void
}

async function open(init: EngineInit): Promise<Opened> {
  const { threads } = init
  const tuner = new ThreadTuner([threads, threads - 1, Math.ceil(threads / 2)].filter((some) => some > 0))
  const { engine, info } = await openLlama({ ...init, streamThreads: (rows) => tuner.threadsFor(rows) })
  return { engine, ...info, tune: (pass) => tuner.observe(pass) }
}
