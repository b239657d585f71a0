/** @throws Error when what must be so is not. */
export function assertInvariant(claim: boolean, otherwise: string): void {
  if (!claim) throw new Error(`${otherwise}. This is a bug`)
}
