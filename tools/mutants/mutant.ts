/** A bug to be planted. */
export interface Mutant {
  readonly name: string
  readonly file: string
  /** Is in the file exactly once. */
  readonly find: string
  readonly replace: string
}
