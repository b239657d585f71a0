/** Whose part of the engine's work a generation takes. */
export interface Share {
  readonly tenant: string
  /** Tenants that all have work waiting get tokens in proportion to it. Above 0 */
  readonly weight: number
  /** Those with a lower one go first. An integer from 0 */
  readonly priority: number
}

/** Of a server that does not ask who is there. */
export const DEFAULT_TENANT: Share = { tenant: '', weight: 1, priority: 0 }
