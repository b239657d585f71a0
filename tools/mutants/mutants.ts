import { inCaches } from './in-caches.ts'
import { inEngine } from './in-engine.ts'
import { inScheduler } from './in-scheduler.ts'
import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [...inScheduler, ...inCaches, ...inEngine]
