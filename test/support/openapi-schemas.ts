const pet = {
  type: 'object',
  required: ['petType'],
  properties: { petType: { type: 'string' }, name: { type: 'string', maxLength: 40 } },
}
const cat = {
  allOf: [
    { $ref: '#/components/schemas/Pet' },
    {
      type: 'object',
      properties: { petType: { enum: ['cat'] }, lives: { type: 'integer', format: 'int32' } },
    },
  ],
}
const dog = {
  allOf: [
    { $ref: '#/components/schemas/Pet' },
    { type: 'object', properties: { petType: { enum: ['dog'] }, bark: { type: 'boolean' } } },
  ],
}
const components = { schemas: { Pet: pet, Cat: cat, Dog: dog } }

/** Schemas as OpenAPI documents and their generators have them. */
export const openApiSchemas: Readonly<Record<string, object>> = {
  'a page of results': {
    type: 'object',
    properties: {
      items: { type: 'array', items: { type: 'string', format: 'uuid' }, maxItems: 100 },
      total: { type: 'integer', format: 'int64', minimum: 0, example: 3 },
      next: { type: 'string', format: 'uri', nullable: true },
    },
    required: ['items', 'total'],
  },
  'a problem of RFC 9457': {
    type: 'object',
    properties: {
      type: { type: 'string', format: 'uri-reference', default: 'about:blank', maxLength: 1024 },
      title: { type: 'string', maxLength: 1024 },
      status: { type: 'integer', format: 'int32', minimum: 100, maximum: 599 },
      detail: { type: 'string', maxLength: 4096 },
      instance: { type: 'string', format: 'uri-reference' },
    },
  },
  'a subtype by allOf': { $ref: '#/components/schemas/Cat', components },
  'a oneOf of subtypes with a discriminator': {
    oneOf: [{ $ref: '#/components/schemas/Cat' }, { $ref: '#/components/schemas/Dog' }],
    discriminator: { propertyName: 'petType', mapping: { cat: '#/components/schemas/Cat' } },
    components,
  },
  'an anyOf of subtypes with a discriminator': {
    anyOf: [{ $ref: '#/components/schemas/Cat' }, { $ref: '#/components/schemas/Dog' }],
    discriminator: { propertyName: 'petType' },
    components,
  },
  'a reference that may be null': {
    type: 'object',
    properties: { pet: { anyOf: [{ $ref: '#/components/schemas/Pet' }, { type: 'null' }] } },
    components,
  },
  'a nullable reference in allOf': {
    type: 'object',
    properties: {
      pet: { allOf: [{ $ref: '#/components/schemas/Pet' }], nullable: true, description: 'The pet' },
    },
    components,
  },
  'a password': {
    type: 'object',
    properties: { password: { type: 'string', format: 'password', minLength: 8 } },
  },
  'a binary and a byte': {
    type: 'object',
    properties: { a: { type: 'string', format: 'binary' }, b: { type: 'string', format: 'byte' } },
  },
  'a float and a double': {
    type: 'object',
    properties: {
      a: { type: 'number', format: 'float' },
      b: { type: 'number', format: 'double', minimum: -1.5 },
    },
  },
  'a price': { type: 'number', format: 'double', minimum: 0, multipleOf: 0.01 },
  'a code': { type: 'string', pattern: '^[A-Z]{3}$', example: 'EUR' },
  'a slug': { type: 'string', pattern: '^[a-z0-9]+(?:-[a-z0-9]+)*$', minLength: 3, maxLength: 64 },
  'a label of Kubernetes': {
    type: 'string',
    pattern: '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$',
    maxLength: 63,
  },
  'labels of Kubernetes': { type: 'object', additionalProperties: { type: 'string' }, maxProperties: 16 },
  'a quantity of Kubernetes': {
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    pattern:
      '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
    'x-kubernetes-int-or-string': true,
  },
  'a semantic version': {
    type: 'string',
    pattern:
      '^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$',
  },
  'a password with rules': { type: 'string', pattern: '^(?=.*[a-z])(?=.*[A-Z])(?=.*\\d)[A-Za-z\\d]{8,20}$' },
  'a name that is not a word': { type: 'string', pattern: '^(?!admin$)[a-z]{3,10}$' },
  'a time range': {
    type: 'object',
    properties: {
      from: { type: 'string', format: 'date-time' },
      to: { type: 'string', format: 'date-time' },
    },
    required: ['from', 'to'],
    additionalProperties: false,
  },
  'extensions by pattern': {
    type: 'object',
    properties: { name: { type: 'string' } },
    required: ['name'],
    patternProperties: { '^x-': { type: 'string' } },
    additionalProperties: false,
  },
  'responses by status': {
    type: 'object',
    patternProperties: {
      '^[1-5](?:\\d{2}|XX)$': { type: 'object', properties: { description: { type: 'string' } } },
    },
    minProperties: 1,
  },
  'environment variables': {
    type: 'object',
    propertyNames: { pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
    additionalProperties: { type: 'string' },
  },
  'translations of known languages': {
    type: 'object',
    propertyNames: { enum: ['de', 'en', 'fr'] },
    additionalProperties: { type: 'string' },
    minProperties: 1,
  },
  'a card that needs an address': {
    type: 'object',
    properties: { name: { type: 'string' }, card: { type: 'integer' }, address: { type: 'string' } },
    required: ['name'],
    dependentRequired: { card: ['address'] },
  },
  'one of two properties': {
    type: 'object',
    properties: { id: { type: 'integer' }, name: { type: 'string' } },
    minProperties: 1,
    maxProperties: 1,
  },
  'either of two required properties': {
    type: 'object',
    properties: { id: { type: 'integer' }, name: { type: 'string' } },
    anyOf: [{ required: ['id'] }, { required: ['name'] }],
  },
  'exactly one of two required properties': {
    type: 'object',
    properties: { id: { type: 'integer' }, name: { type: 'string' } },
    oneOf: [{ required: ['id'] }, { required: ['name'] }],
  },
  'a GeoJSON point': {
    type: 'object',
    required: ['type', 'coordinates'],
    properties: {
      type: { type: 'string', enum: ['Point'] },
      coordinates: { type: 'array', minItems: 2, items: { type: 'number' } },
      bbox: { type: 'array', minItems: 4, items: { type: 'number' } },
    },
  },
  'roles that differ': {
    type: 'array',
    items: { type: 'string', enum: ['admin', 'editor', 'viewer'] },
    uniqueItems: true,
  },
  'tags that differ': { type: 'array', items: { type: 'string' }, uniqueItems: true },
  'an enum with a length': { type: 'string', enum: ['a', 'bb'], maxLength: 10, minLength: 1 },
  'a nullable enum': { type: 'string', enum: ['a', 'b', null], nullable: true },
  'a closed type by unevaluatedProperties': {
    allOf: [{ $ref: '#/components/schemas/Pet' }, { properties: { age: { type: 'integer' } } }],
    unevaluatedProperties: false,
    components,
  },
  'read only and write only': {
    type: 'object',
    properties: { id: { type: 'integer', readOnly: true }, secret: { type: 'string', writeOnly: true } },
    externalDocs: { url: 'https://example.org' },
    xml: { name: 'thing' },
  },
  'a recursive tree': {
    $ref: '#/components/schemas/Tree',
    components: {
      schemas: {
        Tree: {
          type: 'object',
          properties: {
            label: { type: 'string' },
            children: { type: 'array', items: { $ref: '#/components/schemas/Tree' } },
          },
          required: ['label'],
        },
      },
    },
  },
  'a map of lists': { type: 'object', additionalProperties: { type: 'array', items: { type: 'integer' } } },
  'a free-form object': { type: 'object', additionalProperties: true },
  'an encoded string': { type: 'string', contentEncoding: 'base64', contentMediaType: 'image/png' },
  'a network': { type: 'string', format: 'ipv4', nullable: true },
  'a template of a URI': { type: 'string', format: 'uri-template' },
  'a condition': {
    type: 'object',
    properties: { kind: { type: 'string' }, value: { type: 'string' } },
    if: { properties: { kind: { const: 'a' } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: { required: ['value'] },
  },
}
