/** A bug to be planted. */
export interface Mutant {
  readonly name: string
  readonly file: string
  /** The function or method that is to have the bug; absent: any place in the file. */
  readonly within?: string
  /** Text that is there exactly once. */
  readonly find: string
  readonly replace: string
}
