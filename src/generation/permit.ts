/** Room that is taken for a request while it is prepared, and given back once: when its generations start, or when it fails. */
export class Permit implements Disposable {
  #giveBack: (() => void) | undefined

  constructor(giveBack: () => void) {
    this.#giveBack = giveBack
  }

  [Symbol.dispose](): void {
    this.#giveBack?.()
    this.#giveBack = undefined
  }
}
