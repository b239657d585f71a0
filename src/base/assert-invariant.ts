/** @throws Error when an invariant does not hold. @param otherwise what is wrong then. */
export function assertInvariant(claim: boolean, otherwise: string): void {
  if (!claim) throw new Error(`${otherwise}. This is a bug`)
}
