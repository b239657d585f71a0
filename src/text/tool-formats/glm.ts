import { taggedCalls } from './tagged-calls.ts'
import type { ToolFormat } from './tool-format.ts'

const [OPEN, CLOSE] = ['<tool_call>', '</tool_call>']
const [KEY, KEY_END, VALUE, VALUE_END] = ['<arg_key>', '</arg_key>', '<arg_value>', '</arg_value>']
/** Hunyuan's tags all end so. */
const HY = ':opensource>'
const [HY_CALLS, HY_CALLS_END] = [`<tool_calls${HY}`, `</tool_calls${HY}`]
const [HY_CALL, HY_CALL_END, HY_NAME_END] = [`<tool_call${HY}`, `</tool_call${HY}`, `<tool_sep${HY}`]
const [HY_KEY, HY_KEY_END] = [`<arg_key${HY}`, `</arg_key${HY}`]
const [HY_VALUE, HY_VALUE_END] = [`<arg_value${HY}`, `</arg_value${HY}`]

/** A call of GLM, with this between its tags. */
const spaced = (gap: string) =>
  taggedCalls({
    call: OPEN,
    arguments: {
      name: KEY,
      nameEnd: KEY_END,
      attributes: () => gap,
      value: VALUE,
      valueEnd: VALUE_END,
      callEnd: CLOSE,
      gap,
    },
    gap,
  })

/** GLM 4.7, Spark 2.5, Laguna S: <tool_call>f<arg_key>a</arg_key><arg_value>value</arg_value></tool_call>. */
export const glmDense: ToolFormat = {
  name: 'glm-dense',
  recognises: (template) => glm.recognises(template) && !/<\/arg_key>(?:\n|\\n)/.test(template),
  markers: [OPEN, CLOSE],
  ...spaced(''),
}

/** GLM 4.5 and 4.6, Ling 3, Laguna XS: the same with a line end between the tags. */
export const glm: ToolFormat = {
  name: 'glm',
  recognises: (template) => template.includes(KEY) && template.includes(OPEN),
  markers: [OPEN, CLOSE],
  ...spaced('\n'),
}

/** Hunyuan 3: GLM's in tags of its own, with tags around all calls, and one behind the name. */
export const hunyuan: ToolFormat = {
  name: 'hunyuan',
  recognises: (template) =>
    template.includes(HY_CALLS) ||
    (template.includes("'<tool_sep{}>'") && template.includes("':opensource'")),
  markers: [
    HY_CALLS,
    HY_CALLS_END,
    HY_CALL,
    HY_CALL_END,
    HY_NAME_END,
    HY_KEY,
    HY_KEY_END,
    HY_VALUE,
    HY_VALUE_END,
  ],
  ...taggedCalls({
    outer: [HY_CALLS, HY_CALLS_END],
    together: true,
    call: HY_CALL,
    nameEnd: HY_NAME_END,
    arguments: {
      name: HY_KEY,
      nameEnd: HY_KEY_END,
      attributes: () => '\n',
      value: HY_VALUE,
      valueEnd: HY_VALUE_END,
      callEnd: HY_CALL_END,
      outerEnd: HY_CALLS_END,
      gap: '\n',
    },
    gap: '\n',
  }),
}
