/** A span in OTLP's JSON: proto3's mapping, with ids in hex and 64-bit numbers as text. */
export interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  /** 1: internal. 2: server. */
  readonly kind: 1 | 2
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly OtlpAttribute[]
  /** 2: an error. */
  readonly status: { readonly code?: 2 }
}

export interface OtlpAttribute {
  readonly key: string
  readonly value: OtlpValue
}

type OtlpValue =
  | { readonly stringValue: string }
  | { readonly intValue: string }
  | { readonly boolValue: boolean }
  | { readonly arrayValue: { readonly values: readonly OtlpValue[] } }

export type AttributeValue = string | number | boolean | readonly string[] | undefined

/** Attributes of the values that are defined. Numbers are integers. */
export function attributesOf(values: Readonly<Record<string, AttributeValue>>): OtlpAttribute[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: wireValue(value) }],
  )
}

function wireValue(value: Exclude<AttributeValue, undefined>): OtlpValue {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'number') return { intValue: String(Math.round(value)) }
  if (typeof value === 'boolean') return { boolValue: value }
  return { arrayValue: { values: value.map((stringValue) => ({ stringValue })) } }
}

/** @param ms of performance.now(). */
export function unixNano(ms: number): string {
  return `${BigInt(Math.round((performance.timeOrigin + ms) * 1000)) * 1000n}`
}
