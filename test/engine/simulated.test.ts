import { describe } from 'vitest'
import { SimulatedEngine } from '../support/simulated-engine.ts'
import { engineContract } from './engine.contract.ts'

describe('SimulatedEngine', () => {
  const engine = new SimulatedEngine({ slots: 4, contextSize: 64, batchTokens: 16 })
  engineContract(() => engine)
})
