import { CallScanner } from '../scan/call-scanner.ts'
import { leadingObjects, objectNotation } from './leading-objects.ts'
import type { ToolFormat } from './tool-format.ts'

const PYTHON_TAG = '<|python_tag|>'

/**
 * Llama 3.1, 3.2, 3.3: the whole answer is {"name": "f", "parameters": {…}}, or several with semicolons between.
 * There may be <|python_tag|> before an object. As nothing else marks a call, only names of offered tools count.
 */
export const llamaJson: ToolFormat = {
  name: 'llama-json',
  recognises: (template) => /parameters\\?": dictionary of argument name/.test(template),
  markers: [PYTHON_TAG],
  parser: (sink, offered) => new CallScanner(sink, leadingObjects(offered, [PYTHON_TAG])),
  notation: objectNotation('parameters', [PYTHON_TAG]),
}
