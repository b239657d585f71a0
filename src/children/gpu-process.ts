import { findGpu } from '../engine/llama-gpu.ts'

// llama.cpp stays loaded as long as its process lives, with some hundred MiB on each card.
process.send?.(await findGpu(), undefined, undefined, () => process.exit(0))
