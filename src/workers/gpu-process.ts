import { findGpu } from '../engine/llama/gpu.ts'

// llama.cpp stays loaded as long as its process lives, with some hundred MiB on each card.
const gpu = await findGpu()
if (gpu === undefined) process.exit(0)
process.send?.(gpu, undefined, undefined, () => process.exit(0))
