import type { Mutant } from './mutant.ts'

const prefixCache = 'src/kvcache/prefix-slot-cache.ts'

/** In what slots hold. */
export const inCaches: readonly Mutant[] = [
  {
    name: 'restores a whole prompt',
    file: prefixCache,
    within: '#parkedFor',
    find: 'Math.min(found.shared, prompt.tokens.length - 1)',
    replace: 'found.shared',
  },
  {
    name: 'parks what stays',
    file: prefixCache,
    within: '#worthParking',
    find: 'resident.tokens.length - kept < this.#transfer.least',
    replace: 'resident.tokens.length < this.#transfer.least',
  },
  {
    name: 'never over the capacity',
    file: 'src/kvcache/parked-prefixes.ts',
    within: 'stored',
    find: 'if (this.#bytes <= this.#capacity && this.#places.size <= MAX_PLACES) break',
    replace: 'break',
  },
  {
    name: 'last prompt token not recomputed',
    file: prefixCache,
    within: '#best',
    find: 'Math.max(0, prompt.tokens.length - 1))',
    replace: 'prompt.tokens.length)',
  },
  {
    name: 'resident tokens forgotten',
    file: prefixCache,
    within: 'release',
    find: 'slot.resident = resident',
    replace: 'slot.resident = []',
  },
  {
    name: 'most recently used slot first',
    file: prefixCache,
    within: '#best',
    find: 'slot.lastUsed < best.slot.lastUsed',
    replace: 'slot.lastUsed > best.slot.lastUsed',
  },
  {
    name: 'shortest prefix first',
    file: prefixCache,
    within: '#best',
    find: 'cached > best.cached',
    replace: 'cached < best.cached',
  },
  {
    name: 'slot stays leased',
    file: prefixCache,
    within: 'release',
    find: 'slot.leased = false',
    replace: 'slot.leased = true',
  },
  {
    name: 'prefixes are compared by length',
    file: 'src/kvcache/prefix.ts',
    within: 'sharedTokens',
    find: 'while (length < limit && a.tokens[length] === b.tokens[length]) length++',
    replace: 'length = limit',
  },
  {
    name: 'the first token of a prefix is not compared',
    file: 'src/kvcache/prefix.ts',
    within: 'sharedTokens',
    find: 'let length = 0',
    replace: 'let length = Math.min(1, limit)',
  },
  {
    name: 'scopes are not compared',
    file: 'src/kvcache/prefix.ts',
    within: 'sharedTokens',
    find: 'if (a.scope !== b.scope) return 0',
    replace: '',
  },
  {
    name: 'a slot is leased twice',
    file: prefixCache,
    within: '#best',
    find: 'if (slot.leased) continue',
    replace: '',
  },
  {
    name: 'a claimed slot is not leased',
    file: prefixCache,
    within: '#lease',
    find: 'slot.leased = true',
    replace: 'void slot',
  },
  {
    name: 'what is dropped still takes room',
    file: 'src/kvcache/parked-prefixes.ts',
    within: 'drop',
    find: 'this.#bytes -= place.bytes',
    replace: 'void place',
  },
]
