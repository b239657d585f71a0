import { LeadingObjects, objectNotation } from './leading-objects.ts'
import type { ToolFormat } from './tool-format.ts'

/** For templates that teach no format that is known: the answer is {"name": "f", "arguments": {…}}, one line for each call. */
export const plainJson: ToolFormat = {
  name: 'json',
  recognises: () => false,
  markers: [],
  parser: (sink, offered) => new LeadingObjects(sink, (name) => offered.has(name)),
  notation: { ...objectNotation('arguments'), between: '\n' },
}
