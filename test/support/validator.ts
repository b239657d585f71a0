import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

const ajv = new Ajv2020({ strict: false, allErrors: false, logger: false, multipleOfPrecision: 9 })
addFormats.default(ajv)

/** Says why a value is not valid for the schema; undefined when it is. An implementation that is not ours. */
export function validatorOf(schema: object): (value: unknown) => string | undefined {
  const validate = ajv.compile(schema)
  // Kept by the schema's object otherwise, and for ever.
  ajv.removeSchema(schema)
  return (value) => (validate(value) ? undefined : ajv.errorsText(validate.errors))
}
