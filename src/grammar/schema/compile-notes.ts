import { CompileTime } from './compile-time.ts'

/** Notes made while a constraint is compiled, beside its grammar. */
export class CompileNotes {
  /** Paths of keywords that are held to less, or to more, than they say. */
  readonly changed = new Set<string>()
  /** Whether a text may be read in more ways than a few before it is through. */
  hasManyWays = false
  /** Place of the schema that is being compiled. */
  where = ''
  /** Time of all that these notes are of. */
  readonly time: CompileTime

  constructor(time = new CompileTime()) {
    this.time = time
  }

  change(path: string): void {
    this.changed.add(this.where === '' ? path : `${this.where}.${path}`)
  }
}
