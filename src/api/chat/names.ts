/** Longest name of a function or a schema, and the pattern of both. OpenAI has 64; names of MCP tools, with that of their server, are longer. */
export const MAX_NAME = 128
export const NAME = `^[a-zA-Z0-9_-]{1,${MAX_NAME}}$`
