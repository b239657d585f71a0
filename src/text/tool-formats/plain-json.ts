import { CallScanner } from '../scan/call-scanner.ts'
import { leadingObjects, objectNotation } from './leading-objects.ts'
import type { ToolFormat } from './tool-format.ts'

/** Format for templates that teach none that is known: the answer is {"name": "f", "arguments": {…}}, one line for each call. */
export const plainJson: ToolFormat = {
  name: 'json',
  recognises: () => false,
  markers: [],
  parser: (sink, offered) => new CallScanner(sink, leadingObjects(offered)),
  notation: { ...objectNotation('arguments'), between: '\n' },
}
