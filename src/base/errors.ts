interface ErrorKind {
  readonly status: number
  /** OpenAI: the `type` field of the error body. */
  readonly type: 'invalid_request_error' | 'server_error' | 'rate_limit_error'
}

/** Every failure this server answers with. Status, OpenAI body and metric label derive from it; docs/errors.md lists them. */
export const errorKinds = {
  invalid_json: { status: 400, type: 'invalid_request_error' },
  invalid_type: { status: 400, type: 'invalid_request_error' },
  invalid_value: { status: 400, type: 'invalid_request_error' },
  missing_required_parameter: { status: 400, type: 'invalid_request_error' },
  unknown_parameter: { status: 400, type: 'invalid_request_error' },
  unsupported_parameter: { status: 400, type: 'invalid_request_error' },
  unsupported_content: { status: 400, type: 'invalid_request_error' },
  empty_array: { status: 400, type: 'invalid_request_error' },
  array_above_max_length: { status: 400, type: 'invalid_request_error' },
  string_above_max_length: { status: 400, type: 'invalid_request_error' },
  integer_below_min_value: { status: 400, type: 'invalid_request_error' },
  integer_above_max_value: { status: 400, type: 'invalid_request_error' },
  decimal_below_min_value: { status: 400, type: 'invalid_request_error' },
  decimal_above_max_value: { status: 400, type: 'invalid_request_error' },
  context_length_exceeded: { status: 400, type: 'invalid_request_error' },
  invalid_json_schema: { status: 400, type: 'invalid_request_error' },
  invalid_grammar: { status: 400, type: 'invalid_request_error' },
  template_error: { status: 400, type: 'invalid_request_error' },
  request_too_complex: { status: 400, type: 'invalid_request_error' },
  request_quarantined: { status: 400, type: 'invalid_request_error' },
  wrong_model_kind: { status: 400, type: 'invalid_request_error' },
  invalid_api_key: { status: 401, type: 'invalid_request_error' },
  not_permitted: { status: 403, type: 'invalid_request_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  unknown_url: { status: 404, type: 'invalid_request_error' },
  method_not_supported: { status: 405, type: 'invalid_request_error' },
  request_timeout: { status: 408, type: 'invalid_request_error' },
  request_too_large: { status: 413, type: 'invalid_request_error' },
  unsupported_media_type: { status: 415, type: 'invalid_request_error' },
  expectation_failed: { status: 417, type: 'invalid_request_error' },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error' },
  headers_too_large: { status: 431, type: 'invalid_request_error' },
  internal_error: { status: 500, type: 'server_error' },
  template_unusable: { status: 500, type: 'server_error' },
  engine_failed: { status: 500, type: 'server_error' },
  model_loading: { status: 503, type: 'server_error' },
  server_overloaded: { status: 503, type: 'server_error' },
  shutting_down: { status: 503, type: 'server_error' },
  queue_timeout: { status: 503, type: 'server_error' },
  first_token_timeout: { status: 504, type: 'server_error' },
  total_timeout: { status: 504, type: 'server_error' },
  deadline_exceeded: { status: 504, type: 'server_error' },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorKinds

export interface ErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string
  }
}

/** A failure with an answer: what any layer throws when the client must learn why. */
export class ServingError extends Error {
  override readonly name = 'ServingError'
  readonly code: ErrorCode
  readonly param: string | null
  /** Milliseconds after which a retry is worth it; for 429 and 503. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { param?: string; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message.slice(0, 1024), { cause: options.cause })
    this.code = code
    this.param = options.param ?? null
    this.retryAfterMs = options.retryAfterMs
  }

  get status(): number {
    return errorKinds[this.code].status
  }

  get body(): ErrorBody {
    const { message, param, code } = this
    return { error: { message, type: errorKinds[code].type, param, code } }
  }
}

/** A client's text, safe to put in an error message: escaped, and at most 64 characters. */
export function quoted(text: string): string {
  const shown = JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text)
  return `'${shown.slice(1, -1)}'`
}

/** The answer to a request that comes before the model is ready. */
export function modelLoading(reason: string): ServingError {
  return new ServingError('model_loading', `The model is not ready: ${reason}`, { retryAfterMs: 1000 })
}
