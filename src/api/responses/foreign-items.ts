import type { Fields } from '../contract/fields.ts'
import { joinedName } from './tools.ts'

/** An item of a tool that is not here: another server or the client ran it, and the conversation goes on without it. */
export interface ForeignItem {
  readonly type: 'foreign'
  readonly kind: string
  /** Id that joins a call and its output. */
  readonly callId: string | undefined
  readonly fields: Readonly<Record<string, unknown>>
  /** Names the item as one without effect. */
  ignore(): void
}

/** Items that are neither calls nor outputs. */
const OTHERS = [
  'mcp_list_tools',
  'mcp_approval_request',
  'mcp_approval_response',
  'compaction',
  'context_compaction',
]
const ABOUT_THE_CALL = ['type', 'id', 'call_id', 'status', 'output', 'outputs', 'results', 'result', 'error']

export function isForeign(kind: string): boolean {
  return kind.length <= 64 && (/^[a-z_]+_(call|output)$/.test(kind) || OTHERS.includes(kind))
}

export function foreignItem(item: Fields, kind: string): ForeignItem {
  const fields = Object.fromEntries(item.entries())
  const id = [fields['call_id'], fields['id']].find((one) => typeof one === 'string')
  return {
    type: 'foreign',
    kind,
    callId: typeof id === 'string' ? id.slice(0, 256) : undefined,
    fields,
    ignore: () => item.ignore('type', item.pathOf(kind)),
  }
}

export function isCall({ kind }: ForeignItem): boolean {
  return kind.endsWith('_call')
}

/** The call as that of a function: what it was asked to do are the arguments. */
export function calledFunction({ kind, fields }: ForeignItem): { name: string; arguments: string } {
  const { server_label: server, name, arguments: text } = fields
  if (kind === 'mcp_call' && typeof name === 'string' && typeof text === 'string')
    return { name: joinedName(typeof server === 'string' ? server : undefined, name), arguments: text }
  const asked = Object.entries(fields).filter(([field]) => !ABOUT_THE_CALL.includes(field))
  return { name: kind.replace(/_call$/, ''), arguments: JSON.stringify(Object.fromEntries(asked)) }
}

/** Result of a call, where the item holds it itself; a picture is a word. */
export function outcomeOf({ fields }: ForeignItem): string | undefined {
  const { output, outputs, results, error } = fields
  const said = [error, output, outputs, results].find((one) => one !== undefined && one !== null)
  return said === undefined ? undefined : textOf(said)
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(textOf).join('\n')
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const { type, text, logs } = value as { type?: unknown; text?: unknown; logs?: unknown }
  const said = text ?? logs
  if (typeof said === 'string') return said
  return typeof type === 'string' && /image|screenshot/.test(type) ? '[image]' : JSON.stringify(value)
}
