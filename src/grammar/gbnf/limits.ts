/** Limits of a constraint. Beyond any of them it is refused, never weakened. */
export const GRAMMAR_LIMITS = {
  /** Characters of a schema, a GBNF text or a list of choices. */
  sourceLength: 65_536,
  /** Characters of all tools together, descriptions included. */
  toolsLength: 524_288,
  /** Characters of a regular expression. */
  patternLength: 2048,
  /** Groups inside groups, of a regular expression or a GBNF text. */
  groupDepth: 32,
  /** Schemas inside schemas. */
  schemaDepth: 32,
  /** Values inside values, those of `const` and `enum` too. */
  jsonDepth: 128,
  /** Schemas visited, each use of a merged one counted. */
  schemaNodes: 5000,
  /** Branches of anyOf, oneOf, allOf and prefixItems. */
  branches: 256,
  /** Milliseconds of CPU for the compilation of a schema: for costs that the other limits do not see. */
  compileMs: 1000,
  rules: 5000,
  /** Characters of a string and items of an array that are counted: more than any context holds. */
  counts: 1_000_000,
  /** llama.cpp: MAX_REPETITION_THRESHOLD; it drops the upper bound of a longer one in silence. */
  repetitions: 2000,
  /** Elements of the grammar after llama.cpp has written its repetitions out. */
  elements: 100_000,
  /** Characters of the GBNF text. */
  outputLength: 262_144,
  /** Rules that llama.cpp enters from the left edge of one rule, and of all together: its check is not memoized. */
  leftPaths: 20_000,
  leftPathsOfAll: 2_000_000,
  /** Ways in which one text may be half matched: each is one pass of llama.cpp over the vocabulary. */
  ambiguity: 256,
  /** Levels of arrays and objects in JSON of any shape. */
  anyDepth: 16,
} as const
