/** Settings that cannot be used: the process prints the message and exits with the code. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly exitCode: number

  constructor(message: string, exitCode = 2) {
    super(message)
    this.exitCode = exitCode
  }
}
