/** A request that reads as many fields of its route as one can; together the samples of a route read all of them. */
export interface Sample {
  readonly method: 'GET' | 'POST'
  /** As in the description, with {parameters}. */
  readonly route: string
  /** Where it differs from `route`. */
  readonly url?: string
  readonly body?: Readonly<Record<string, unknown>>
}
