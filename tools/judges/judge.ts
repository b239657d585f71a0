/** A client or suite that others wrote, and how it is brought to say what it thinks of the server. */
export interface Judge {
  readonly name: string
  /** What of it is run, for the table. */
  readonly runs: string
  readonly install: readonly Installation[]
  /** Packages whose versions the table names. */
  readonly shown: readonly string[]
  /** Flags of the server it is pointed at, beside those of every run. */
  readonly server?: readonly string[]
  /** Writes its verdict to `place.report`, as JUnit's XML. */
  readonly command: (place: Place) => Command
  /** Seconds that it may take, once it is installed. */
  readonly limit: number
  readonly known: readonly KnownFailure[]
}

/** Packages of one registry, into the judge's own folder; no script of a package runs. */
export interface Installation {
  readonly from: 'pip' | 'npm'
  readonly packages: readonly string[]
  /** Leaves out what the packages depend on: they ask for more than is used here. */
  readonly alone?: boolean
}

export interface Place {
  /** Folder that the judge was installed into; its home, too. */
  readonly folder: string
  /** Folder of the scripts in this repository. */
  readonly scripts: string
  readonly report: string
  /** Address of the server; empty before it listens. */
  readonly url: string
}

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export type Whose =
  /** The small model's text is not what the test hopes for. */
  | 'model'
  /** The client fails by itself. */
  | 'client'
  /** The test asks for what only its author's server has, or for numbers of its author's model. */
  | 'other server'
  /** Altiplano says no where the test wants a yes, on purpose and in its documentation. */
  | 'on purpose'
  /** Altiplano is wrong, and it is written down. */
  | 'Altiplano'

/** A failure that is expected: any other makes the run fail. */
export interface KnownFailure {
  readonly test: RegExp
  /** Text of the failure; any, where it is left out. */
  readonly says?: RegExp
  readonly whose: Whose
  readonly why: string
}
