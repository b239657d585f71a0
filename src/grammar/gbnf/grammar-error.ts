/** Why a constraint was refused. `path` leads to the guilty part, in the notation of an error's `param`; '' is the whole. */
export class GrammarError extends Error {
  override readonly name = 'GrammarError'
  readonly path: string

  constructor(message: string, path = '') {
    super(message)
    this.path = path
  }
}

/** Nothing at all fits: an alternative of which that is true can be left out. */
export class NothingError extends GrammarError {}
