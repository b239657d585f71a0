import { missing, unsupported } from './failures.ts'
import type { Field } from './field.ts'
import { anything } from './kinds.ts'

export function required<T>(field: Field<T>): Field<Exclude<T, undefined>> {
  return {
    ...field,
    required: true,
    read: (owner, name) => {
      const value = field.read(owner, name)
      if (value === undefined) throw missing(owner.pathOf(name))
      return value as Exclude<T, undefined>
    },
  }
}

/** A field that is checked, has no effect, and is named in `x-ignored-params`. @param as its name there. Default: its path. */
export function ignored(as?: string): Field<unknown>
export function ignored<T>(field: Field<T>): Field<T>
export function ignored(how: string | Field<unknown> = anything()): Field<unknown> {
  const [field, as] = typeof how === 'string' ? [anything(), how] : [how, undefined]
  return {
    ...field,
    fate: 'ignored',
    read: (owner, name) => {
      const value = field.read(owner, name)
      owner.ignore(name, as)
      return value
    },
  }
}

/** A field that is ignored without a mention: clients send it when they send an answer back. */
export const silent: Field<undefined> = {
  schema: {},
  required: false,
  fate: 'silent',
  read: (owner, name) => {
    owner.skip(name)
    return undefined
  },
}

/** A field that is refused: to ignore it would change what the answer means. Null, false and an empty list ask for nothing, and pass. */
export function refused(reason: string): Field<undefined> {
  return {
    schema: {},
    required: false,
    fate: { refused: reason },
    read: (owner, name) => {
      const value = owner.value(name)
      if (value === undefined || value === false || (Array.isArray(value) && value.length === 0))
        return undefined
      throw unsupported(owner.pathOf(name), reason)
    },
  }
}
