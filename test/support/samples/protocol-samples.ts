import type { Sample } from './sample.ts'

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] }

const conversation = [
  { role: 'user', content: [{ type: 'text', text: 'What is the weather in Paris?' }] },
  {
    role: 'assistant',
    content: [
      { type: 'thinking', thinking: 'I look it up.', signature: 'unsigned' },
      { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Paris' } },
    ],
  },
  {
    role: 'user',
    content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: '12 degrees', is_error: false }],
  },
]
const anthropicTools = [
  { name: 'get_weather', description: 'The weather in a city', input_schema: parameters, strict: false },
]

const items = [
  { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'What is the weather in Paris?' }] },
  { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'I look it up.' }] },
  { type: 'function_call', call_id: 'call_1', name: 'get_weather', arguments: '{"city":"Paris"}' },
  { type: 'function_call_output', call_id: 'call_1', output: '12 degrees' },
]
const responseTools = [
  { type: 'function', name: 'get_weather', description: 'The weather in a city', parameters, strict: false },
]

/** Of the Messages and the Responses API, and of Ollama and llama-server. */
export const protocolSamples: readonly Sample[] = [
  {
    method: 'POST',
    route: '/v1/messages',
    body: {
      model: 'demo',
      temperature: 0,
      max_tokens: 4,
      system: 'Be brief.',
      messages: conversation,
      tools: anthropicTools,
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      thinking: { type: 'enabled', budget_tokens: 1024 },
      output_config: { effort: 'low' },
    },
  },
  {
    method: 'POST',
    route: '/v1/messages',
    body: {
      model: 'demo',
      temperature: 0,
      max_tokens: 4,
      messages: conversation.slice(0, 1),
      output_config: { format: { type: 'json_schema', schema } },
      stop_sequences: ['END'],
      stream: true,
    },
  },
  {
    method: 'POST',
    route: '/completion',
    body: { prompt: 'One', n_predict: 2, temperature: 0, n_probs: 2, return_tokens: true, stop: ['END'] },
  },
  { method: 'POST', route: '/completion', body: { prompt: ['One', 'Two'], n_predict: 2, temperature: 0 } },
  {
    method: 'POST',
    route: '/completion',
    body: {
      prompt: [72, 'One'],
      n_predict: 2,
      stream: true,
      json_schema: schema,
      id_slot: -1,
      cache_prompt: true,
    },
  },
  { method: 'POST', route: '/embedding', body: { model: 'vectors', content: 'Hello' } },
  { method: 'GET', route: '/api/version' },
  { method: 'GET', route: '/api/tags' },
  { method: 'GET', route: '/api/ps' },
  { method: 'POST', route: '/api/show', body: { model: 'demo', verbose: false } },
  {
    method: 'POST',
    route: '/api/chat',
    body: {
      model: 'demo:latest',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'What is the weather in Paris?' },
        {
          role: 'assistant',
          content: '',
          thinking: 'I look it up.',
          tool_calls: [{ function: { name: 'get_weather', arguments: { city: 'Paris' } } }],
        },
        { role: 'tool', tool_name: 'get_weather', content: '12 degrees' },
      ],
      tools: [
        { type: 'function', function: { name: 'get_weather', description: 'The weather', parameters } },
      ],
      think: false,
      keep_alive: '5m',
      options: { temperature: 0, num_predict: 4, stop: ['END'], num_ctx: 2048 },
    },
  },
  {
    method: 'POST',
    route: '/api/chat',
    body: {
      model: 'demo',
      messages: [{ role: 'user', content: 'Hi' }],
      format: schema,
      stream: false,
      logprobs: true,
      top_logprobs: 1,
      options: { temperature: 0, num_predict: 4 },
    },
  },
  {
    method: 'POST',
    route: '/api/generate',
    body: { model: 'demo', prompt: 'Hi', system: 'Be brief.', format: 'json', options: { num_predict: 2 } },
  },
  {
    method: 'POST',
    route: '/api/generate',
    body: { model: 'demo', prompt: 'Hi', raw: true, stream: false, options: { num_predict: 2 } },
  },
  {
    method: 'POST',
    route: '/api/embed',
    body: { model: 'vectors', input: ['Hello', 'there'], dimensions: 8 },
  },
  { method: 'POST', route: '/api/embeddings', body: { model: 'vectors', prompt: 'Hello' } },
  { method: 'POST', route: '/v1/messages/count_tokens', body: { model: 'demo', messages: conversation } },
  {
    method: 'POST',
    route: '/v1/responses',
    body: {
      model: 'demo',
      temperature: 0,
      max_output_tokens: 4,
      instructions: 'Be brief.',
      input: items,
      tools: responseTools,
      tool_choice: 'auto',
      reasoning: { effort: 'low' },
      truncation: 'disabled',
      store: false,
    },
  },
  {
    method: 'POST',
    route: '/v1/responses',
    body: {
      model: 'demo',
      temperature: 0,
      max_output_tokens: 4,
      input: 'Hi',
      include: ['message.output_text.logprobs'],
      top_logprobs: 1,
      text: { format: { type: 'json_schema', name: 'answer', schema, strict: true } },
      stream: true,
    },
  },
  { method: 'POST', route: '/v1/responses/input_tokens', body: { model: 'demo', input: 'Hi' } },
]
