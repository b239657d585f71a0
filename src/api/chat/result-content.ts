import type { Declared } from '../contract/field.ts'
import type { Fields } from '../contract/fields.ts'
import { type Item, type Tagged, taggedOr } from '../contract/objects.ts'

/** Text that stands for a part of a tool's result that is none. */
export interface StandIn {
  readonly type: 'stand-in'
  readonly text: string
}

const IMAGES = ['image', 'image_url', 'input_image', 'computer_screenshot']

/**
 * A part of a tool's result. Tools return what no client asked the model to look at: what cannot be read is named as without effect,
 * and a word instead of it shows the model that it was there.
 */
export function resultPart<Kinds extends Readonly<Record<string, Declared>>>(
  kinds: Kinds,
): Item<Tagged<'type', Kinds> | StandIn> {
  return taggedOr('type', kinds, (part, kind): StandIn => {
    const text = textWithin(part, kind)
    if (text !== undefined) return { type: 'stand-in', text }
    const word = kind.slice(0, 64).replace(/\W/g, '_')
    part.ignore('type', part.pathOf(word))
    return { type: 'stand-in', text: IMAGES.includes(kind) ? '[image]' : `[${word}]` }
  })
}

/** Anthropic: the text of a document or a search result, and the name of a tool that was found. */
function textWithin(part: Fields, kind: string): string | undefined {
  switch (kind) {
    case 'tool_reference':
      return textsOf(part.value('tool_name')).map((name) => `[tool ${name}]`)[0]
    case 'search_result':
      return (
        ['title', 'source', 'content'].flatMap((name) => textsOf(part.value(name))).join('\n') || undefined
      )
    case 'document': {
      const source = part.value('source') as { type?: unknown; data?: unknown } | undefined
      return source?.type === 'text' ? textsOf(source.data)[0] : undefined
    }
    default:
      return undefined
  }
}

/** A text, or those of blocks. */
function textsOf(value: unknown): string[] {
  const items: unknown[] = Array.isArray(value)
    ? value.map((one: { text?: unknown } | null) => one?.text)
    : [value]
  return items.filter((one) => typeof one === 'string')
}
