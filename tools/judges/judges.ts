import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { llamaSource } from '../../test/support/llama-source.ts'
import type { Command, Judge, Place } from './judge.ts'

/** Seconds for one test. */
const PATIENCE = 120

/** One event loop for all tests: clients keep their connections. */
const LOOP = ['mode=auto', 'default_test_loop_scope=session', 'default_fixture_loop_scope=session']

const pytest = (place: Place, script: string): Command => ({
  program: join(place.folder, 'bin/python'),
  args: [
    ...['-m', 'pytest', '--quiet', '--tb', 'short', '-p', 'no:cacheprovider', '--import-mode', 'importlib'],
    ...LOOP.flatMap((setting) => ['-o', `asyncio_${setting}`]),
    ...['--rootdir', place.scripts, '--timeout', String(PATIENCE), '--junit-xml', place.report],
    join(place.scripts, script),
  ],
})

/** The script is copied into the prefix: it imports what is installed there. */
function nodeTest(place: Place, script: string): Command {
  copyFileSync(join(place.scripts, script), join(place.folder, script))
  return {
    program: process.execPath,
    args: [
      ...['--test', '--test-timeout', String(PATIENCE * 1000)],
      ...['--test-reporter', 'junit', '--test-reporter-destination', place.report, script],
    ],
  }
}

/** A template that shows the built-in model the last question and one tool: these prompts are too long for it. */
const SHORT_SIGHT = ['--chat-template', fileURLToPath(new URL('short-sight.jinja', import.meta.url))]

const PYTEST = ['pytest', 'pytest-timeout', 'pytest-asyncio']

/** In the order of the table. */
export const judges: readonly Judge[] = [
  {
    name: 'langchain',
    runs: "LangChain's standard tests of chat models: ChatOpenAI by chat completions and by Responses, ChatAnthropic",
    install: [
      { from: 'pip', packages: [...PYTEST, 'langchain-tests', 'langchain-openai', 'langchain-anthropic'] },
    ],
    shown: ['langchain-tests', 'langchain-openai', 'langchain-anthropic'],
    command: (place) => pytest(place, 'test_langchain.py'),
    limit: 900,
    known: [
      {
        test: /test_tool_calling(_async)?(\[|$)/,
        says: /'input': /,
        whose: 'model',
        why: 'calls the right tool with a wrong number',
      },
      { test: /test_unicode_tool_call/, whose: 'model', why: 'cannot write Chinese' },
      {
        test: /test_structured_output/,
        says: /length limit was reached|EOF while parsing|Extra items in the right set/,
        whose: 'model',
        why: 'its JSON does not end within max_tokens',
      },
    ],
  },
  {
    name: 'schemathesis',
    runs: 'examples, coverage and fuzzing from `/openapi.json`, all checks but one: more than a schema can say is refused, too',
    install: [{ from: 'pip', packages: ['schemathesis'] }],
    // Answers without a limit end soon.
    server: ['--context-size', '256'],
    shown: ['schemathesis'],
    command: ({ folder, scripts, report, url }) => ({
      program: join(folder, 'bin/schemathesis'),
      args: [
        ...['--config-file', join(scripts, 'schemathesis.toml'), 'run', `${url}/openapi.json`],
        ...['--report', 'junit', '--report-junit-path', report, '--phases', 'examples,coverage,fuzzing'],
        ...['--max-examples', '5', '--max-time', '400', '--continue-on-failure', '--seed', '1'],
        ...['--workers', '1', '--suppress-health-check', 'all', '--request-timeout', '60'],
      ],
    }),
    limit: 900,
    known: [
      {
        test: /./,
        says: /deadline_exceeded/,
        whose: 'on purpose',
        why: 'a deadline_ms of 1 is over: 504',
      },
    ],
  },
  {
    name: 'lm-eval',
    runs: "local-completions with the server's tokenizer: choices, rolling log-likelihood, generation; local-chat-completions",
    // By itself it asks for packages that are built from source.
    install: [
      { from: 'pip', packages: ['lm-eval'], alone: true },
      {
        from: 'pip',
        packages: [
          ...PYTEST,
          'datasets',
          'evaluate',
          'jinja2',
          'more-itertools',
          'pytablewriter',
          'sacrebleu',
          'scikit-learn',
          'aiohttp',
          'tenacity',
          'tiktoken',
          'requests',
        ],
      },
    ],
    shown: ['lm-eval'],
    command: (place) => pytest(place, 'test_lm_eval.py'),
    limit: 600,
    known: [],
  },
  {
    name: 'ai-sdk',
    runs: "Vercel's AI SDK 6: text, streams, tools, objects and errors by openai-compatible, openai (chat and responses) and anthropic",
    install: [
      {
        from: 'npm',
        packages: ['ai@6', '@ai-sdk/openai@3', '@ai-sdk/openai-compatible@2', '@ai-sdk/anthropic@3', 'zod@4'],
      },
    ],
    shown: ['ai', '@ai-sdk/openai', '@ai-sdk/openai-compatible', '@ai-sdk/anthropic'],
    command: (place) => nodeTest(place, 'ai_sdk.test.mjs'),
    limit: 600,
    known: [],
  },
  {
    name: 'openai-agents',
    runs: "OpenAI's Agents SDK for Python: tools, streams, output types and handoffs, by chat completions and by Responses",
    install: [{ from: 'pip', packages: [...PYTEST, 'openai-agents'] }],
    shown: ['openai-agents', 'openai'],
    command: (place) => pytest(place, 'test_openai_agents.py'),
    limit: 600,
    known: [],
  },
  {
    name: 'openai-agents-js',
    runs: 'the same for JavaScript',
    install: [{ from: 'npm', packages: ['@openai/agents', 'openai', 'zod@4'] }],
    shown: ['@openai/agents', 'openai'],
    command: (place) => nodeTest(place, 'openai_agents.test.mjs'),
    limit: 600,
    known: [],
  },
  {
    name: 'pydantic-ai',
    runs: 'text, tools, streams and three ways to an object, by chat completions, Responses and Messages',
    install: [{ from: 'pip', packages: [...PYTEST, 'pydantic-ai-slim[openai,anthropic]'] }],
    shown: ['pydantic-ai-slim', 'openai', 'anthropic'],
    command: (place) => pytest(place, 'test_pydantic_ai.py'),
    limit: 600,
    known: [
      {
        test: /PromptedOutput/,
        says: /OutputTokenLimitExceeded|maximum output retries/,
        whose: 'model',
        why: 'does not follow a schema that is only told to it',
      },
    ],
  },
  {
    name: 'instructor',
    runs: 'seven modes, partial objects and lists',
    install: [{ from: 'pip', packages: [...PYTEST, 'instructor'] }],
    shown: ['instructor', 'openai'],
    command: (place) => pytest(place, 'test_instructor.py'),
    limit: 600,
    known: [
      {
        test: /\[(MD_)?JSON\]/,
        says: /Field required|IncompleteOutput|max_tokens/,
        whose: 'model',
        why: 'does not follow a schema that is only told to it',
      },
    ],
  },
  {
    name: 'litellm-proxy',
    runs: 'the proxy in between, by `openai/`, `hosted_vllm/` and `anthropic/`: chat, streams, tools, Messages, Responses',
    install: [{ from: 'pip', packages: [...PYTEST, 'litellm[proxy]==1.108.7'] }],
    shown: ['litellm', 'openai'],
    command: (place) => pytest(place, 'test_litellm_proxy.py'),
    limit: 600,
    known: [],
  },
  {
    name: 'llama-server',
    runs: "llama-server's own tests of chat completions, tools, Responses and Messages",
    install: [
      {
        from: 'pip',
        packages: [...PYTEST, 'openai', 'requests', 'filelock', 'numpy', 'aiohttp', 'prometheus-client'],
      },
    ],
    shown: ['openai'],
    // Names that its tests ask for, although there is one model.
    server: [
      '--served-model-name',
      'altiplano-demo,gpt-3.5-turbo-instruct,gpt-4.1,codellama70b,llama-test-model,test',
    ],
    command: (place) => {
      const tests = llamaSource('tools/server/tests')
      const files = ['chat_completion', 'tool_call', 'compat_oai_responses', 'compat_anthropic']
      return {
        program: join(place.folder, 'bin/python'),
        args: [
          ...[
            '-m',
            'pytest',
            '--quiet',
            '--tb',
            'short',
            '-p',
            'no:cacheprovider',
            '-p',
            'llama_server_shim',
          ],
          ...[
            '--rootdir',
            tests,
            '--timeout',
            String(PATIENCE),
            '-m',
            'not slow',
            '--junit-xml',
            place.report,
          ],
          ...files.map((file) => join(tests, 'unit', `test_${file}.py`)),
        ],
        env: { PYTHONPATH: place.scripts },
      }
    },
    limit: 900,
    known: [
      {
        test: /./,
        says: /'' is None|Expected non empty content delta/,
        whose: 'other server',
        why: "a stream's first content is null there, and empty here and at OpenAI",
      },
      {
        test: /test_chat_completion(_with_openai_library|_cached_tokens)?(\[|$)/,
        says: /startswith|assert \d+ == 77/,
        whose: 'other server',
        why: 'its fingerprint begins with b, and its model has other counts of tokens',
      },
      {
        test: /test_context_size_exceeded/,
        whose: 'other server',
        why: 'a server of another context size',
      },
      { test: /./, says: /'__verbose' in/, whose: 'other server', why: 'wants __verbose' },
      {
        test: /test_return_progress|test_responses_stream_with_llama_telemetry/,
        whose: 'other server',
        why: 'wants return_progress, which is ignored and named',
      },
      {
        test: /test_apply_chat_template/,
        says: /START_OF_T/,
        whose: 'other server',
        why: 'a server with another template',
      },
      {
        test: /thinking_history/,
        whose: 'other server',
        why: "this model's template drops old thoughts",
      },
      {
        test: /test_anthropic_(tool_result_with_image|vision)/,
        whose: 'other server',
        why: 'wants images, or a file of the net',
      },
      {
        test: /response_format2|test_anthropic_(tool_result_with_text|empty_messages)/,
        says: /400 == 200/,
        whose: 'on purpose',
        why: 'refused as OpenAI or Anthropic refuse it: a schema without a name, text before a tool result, no messages',
      },
      {
        test: /test_invalid_chat_completion_req\[messages7\]/,
        says: /200 == 400/,
        whose: 'on purpose',
        why: 'two messages of the assistant in succession are taken',
      },
    ],
  },
  {
    name: 'codex',
    runs: 'Codex CLI with its own prompt and tools: the first request, a turn with a tool',
    install: [{ from: 'npm', packages: ['@openai/codex'] }],
    shown: ['@openai/codex'],
    server: SHORT_SIGHT,
    command: (place) => nodeTest(place, 'codex.test.mjs'),
    limit: 300,
    known: [],
  },
  {
    name: 'claude-code',
    runs: 'Claude Code in print mode with its own prompt and tools: the first request, a turn with a tool',
    install: [{ from: 'npm', packages: ['@anthropic-ai/claude-code'] }],
    shown: ['@anthropic-ai/claude-code'],
    server: SHORT_SIGHT,
    command: (place) => nodeTest(place, 'claude_code.test.mjs'),
    limit: 300,
    known: [],
  },
]
