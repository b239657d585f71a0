import type { ChatTool } from './chat-message.ts'

/** Variables in which templates take tools: `functions` as JSON text (Firefunction), the others as OpenAI's list. */
export const TOOL_VARIABLES = ['tools', 'xml_tools', 'functions'] as const
export type ToolVariable = (typeof TOOL_VARIABLES)[number]

/** Variables that the server sets in every chat: an operator cannot. */
export const SET_VARIABLES = [...TOOL_VARIABLES, 'messages', 'add_generation_prompt'] as const

export function templateTools(
  tools: readonly ChatTool[],
  variable: ToolVariable = 'tools',
): Record<string, unknown> {
  if (variable !== 'functions') return tools.length === 0 ? {} : { [variable]: tools }
  const functions = tools.map((tool) => tool.function)
  return { functions: functions.length === 0 ? '' : JSON.stringify(functions, undefined, 4) }
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * Today's date where templates look for it beside `strftime_now`: `date_string` (Llama 3) and `datetime` (Firefunction). No time of
 * day: a prompt stays the same for as long as it is in the prefix cache.
 */
export function todaysVariables(now: Date): { date_string: string; datetime: string } {
  const day = String(now.getDate()).padStart(2, '0')
  const month = String(now.getMonth() + 1).padStart(2, '0')
  return {
    date_string: `${day} ${MONTHS[now.getMonth()]} ${now.getFullYear()}`,
    datetime: `${now.getFullYear()}-${month}-${day}`,
  }
}
