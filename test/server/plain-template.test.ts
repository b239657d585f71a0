import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { i32s } from '../models/gguf-writer.ts'
import { BYTE_LETTERS, TOKEN, writeRandomLlama } from '../support/random-text-model.ts'
import { startServer, type TestServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
/** As GPT-2 spells `\nuser:`. */
const TEXTS = ['<end>', ...BYTE_LETTERS, '\u010auser:']
const NEXT_TURN = TEXTS.length - 1
let server: TestServer

/** A model without a chat template, and with a token that begins the next turn. */
beforeAll(async () => {
  const path = join(folder, 'base.gguf')
  const types = TEXTS.map((_, id) => (id === 0 ? TOKEN.control : TOKEN.normal))
  await writeRandomLlama(
    path,
    [
      ['tokenizer.ggml.model', { text: 'gpt2' }],
      ['tokenizer.ggml.pre', { text: 'gpt-2' }],
      ['tokenizer.ggml.tokens', { texts: TEXTS }],
      ['tokenizer.ggml.token_type', i32s(types)],
      ['tokenizer.ggml.merges', { texts: [] }],
      ['tokenizer.ggml.eos_token_id', { u32: 0 }],
      ['tokenizer.ggml.bos_token_id', { u32: 0 }],
    ],
    TEXTS.length,
  )
  server = await startServer(['--model', path, '--slots', '1', '--context-size', '512'])
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

async function ask(path: string, more: object): Promise<{ finish_reason: string; text: string }> {
  const answer = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'base', max_tokens: 3, logit_bias: { [NEXT_TURN]: 100 }, ...more }),
  })
  const { choices } = (await answer.json()) as {
    choices: { finish_reason: string; text?: string; message?: { content: string } }[]
  }
  const [{ finish_reason, text, message } = { finish_reason: '' }] = choices
  return { finish_reason, text: text ?? message?.content ?? '' }
}

const messages = [{ role: 'user', content: 'Hi' }]
const all = '\nuser:'.repeat(3)

it('an answer of a model without a chat template ends where the next turn begins', async () => {
  expect(await ask('/v1/chat/completions', { messages })).toEqual({ finish_reason: 'stop', text: '' })
})

it('a text goes on past the next turn where the end is to be ignored, and where it is no chat', async () => {
  const past = { finish_reason: 'length', text: all }
  expect(await ask('/v1/chat/completions', { messages, ignore_eos: true })).toEqual(past)
  expect(await ask('/v1/completions', { prompt: 'Hi' })).toEqual(past)
})
