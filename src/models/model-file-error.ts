/** A model that cannot be served: the message names the file and says why. */
export class ModelFileError extends Error {
  override readonly name = 'ModelFileError'
}
