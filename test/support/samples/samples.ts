import { protocolSamples } from './protocol-samples.ts'
import type { Sample } from './sample.ts'

const messages = [
  { role: 'system', content: 'Be brief.', name: 'admin' },
  { role: 'user', content: [{ type: 'text', text: 'What is the weather in Paris?' }] },
  {
    role: 'assistant',
    content: null,
    reasoning_content: 'I look it up.',
    tool_calls: [
      { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } },
    ],
  },
  { role: 'tool', tool_call_id: 'call_1', content: '12 degrees' },
  { role: 'user', content: 'And now?' },
]

const tools = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'The weather in a city',
      strict: false,
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
]

const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] }

export const samples: readonly Sample[] = [
  { method: 'GET', route: '/health' },
  { method: 'GET', route: '/health/live' },
  { method: 'GET', route: '/health/ready' },
  { method: 'GET', route: '/metrics' },
  {
    method: 'POST',
    route: '/v1/load_lora_adapter',
    body: { lora_name: 'poems', lora_path: 'poems.gguf', load_inplace: false },
  },
  { method: 'POST', route: '/v1/unload_lora_adapter', body: { lora_name: 'poems' } },
  {
    method: 'POST',
    route: '/v1/embeddings',
    body: { model: 'vectors', input: ['Hello', 'there'], encoding_format: 'float', dimensions: 8 },
  },
  {
    method: 'POST',
    route: '/v1/rerank',
    body: {
      model: 'vectors',
      query: 'Hello',
      documents: ['there', 'Hello'],
      top_n: 1,
      return_documents: true,
    },
  },
  {
    method: 'POST',
    route: '/v1/score',
    body: { model: 'vectors', text_1: 'Hello', text_2: ['there', 'Hello'] },
  },
  { method: 'POST', route: '/invocations', body: { model: 'vectors', input: 'Hello' } },
  { method: 'POST', route: '/apply-template', body: { messages } },
  { method: 'POST', route: '/v1/chat/completions/input_tokens', body: { model: 'demo', messages } },
  { method: 'GET', route: '/version' },
  { method: 'GET', route: '/load' },
  { method: 'GET', route: '/tokenizer_info' },
  { method: 'GET', route: '/props' },
  { method: 'GET', route: '/slots' },
  {
    method: 'POST',
    route: '/tokenize',
    body: { model: 'demo', prompt: 'Hello', add_special_tokens: true, return_token_strs: true },
  },
  { method: 'POST', route: '/tokenize', body: { content: 'Hello', add_special: false, with_pieces: false } },
  {
    method: 'POST',
    route: '/tokenize',
    body: { messages, tools, add_generation_prompt: true, continue_final_message: false },
  },
  { method: 'POST', route: '/detokenize', body: { model: 'demo', tokens: [72, 101] } },
  { method: 'POST', route: '/v1/chat/completions/render', body: { model: 'demo', messages, tools } },
  { method: 'POST', route: '/v1/completions/render', body: { model: 'demo', prompt: ['Hello', 'there'] } },
  { method: 'GET', route: '/v1/models' },
  { method: 'GET', route: '/v1/models/{model}', url: '/v1/models/demo' },
  {
    method: 'POST',
    route: '/v1/chat/completions',
    body: {
      model: 'demo',
      temperature: 0,
      messages,
      tools,
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
      max_completion_tokens: 4,
      metadata: {},
      chat_template_kwargs: {},
      reasoning: {},
    },
  },
  {
    method: 'POST',
    route: '/v1/chat/completions',
    body: {
      model: 'demo',
      temperature: 0,
      messages: messages.slice(0, 2),
      max_tokens: 4,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
      prediction: { type: 'content', content: 'four' },
      // The same tokens each time: one without text has no bytes.
      logprobs: true,
      top_logprobs: 1,
      enable_thinking: false,
    },
  },
  {
    method: 'POST',
    route: '/v1/chat/completions',
    body: {
      model: 'demo',
      temperature: 0,
      messages: [{ role: 'user', content: 'Hi' }],
      max_tokens: 2,
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    },
  },
  {
    method: 'POST',
    route: '/v1/completions',
    body: {
      model: 'demo',
      temperature: 0,
      prompt: ['One', 'Two'],
      max_tokens: 2,
      metadata: {},
      structured_outputs: {},
    },
  },
  {
    method: 'POST',
    route: '/v1/completions',
    body: { model: 'demo', temperature: 0, prompt: 'One', max_tokens: 2, stream: true, stream_options: {} },
  },
  {
    method: 'POST',
    route: '/v1/completions',
    body: { model: 'demo', temperature: 0, prompt: 'One', max_tokens: 0, echo: true },
  },
  { method: 'GET', route: '/v2' },
  { method: 'GET', route: '/v2/health/live' },
  { method: 'GET', route: '/v2/health/ready' },
  { method: 'GET', route: '/v2/models' },
  { method: 'GET', route: '/v2/models/{model}', url: '/v2/models/demo' },
  { method: 'GET', route: '/v2/models/{model}/ready', url: '/v2/models/demo/ready' },
  {
    method: 'POST',
    route: '/v2/models/{model}/infer',
    url: '/v2/models/demo/infer',
    body: { temperature: 0, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 2 },
  },
  { method: 'GET', route: '/v2/repository/index' },
  { method: 'POST', route: '/v2/repository/index', body: { ready: true } },
  {
    method: 'POST',
    route: '/v1/models/{model}:predict',
    url: '/v1/models/demo:predict',
    body: { temperature: 0, prompt: 'One', max_tokens: 2 },
  },
  ...protocolSamples,
]
