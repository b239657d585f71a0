import { CallScanner } from '../scan/call-scanner.ts'
import { leadingObjects, objectNotation } from './leading-objects.ts'
import type { ToolFormat } from './tool-format.ts'

/** Tag that many models put before such an object, whatever their template says (SmolLM3). */
const TAG = '<tool_call>'

/** Format for templates that teach none that is known: the answer is {"name": "f", "arguments": {…}}, one line for each call. */
export const plainJson: ToolFormat = {
  name: 'json',
  recognises: () => false,
  markers: [TAG],
  parser: (sink, offered) => new CallScanner(sink, leadingObjects(offered, [TAG])),
  notation: { ...objectNotation('arguments'), between: '\n' },
}
