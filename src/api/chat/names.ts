/** OpenAI: most characters of the name of a function or a schema, and the pattern of both. */
export const MAX_NAME = 64
export const NAME = `^[a-zA-Z0-9_-]{1,${MAX_NAME}}$`
