/** The tenant, weight and priority that a generation is scheduled by. */
export interface Share {
  readonly tenant: string
  /** Above 0. Tenants that all have work waiting get tokens in proportion to their weights. */
  readonly weight: number
  /** An integer from 0; lower goes first. */
  readonly priority: number
}

/** Tenant of every request where no API keys are configured. */
export const DEFAULT_TENANT: Share = { tenant: '', weight: 1, priority: 0 }
