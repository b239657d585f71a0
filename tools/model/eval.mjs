// Greedy answers of the GGUF file, through llama.cpp, to held-out questions:
//   node eval.mjs MODEL.gguf EVALSET.jsonl [REPORT.json]
// Needs node-llama-cpp 3.22.1 where Node finds it (this repository's own node_modules will do).
import { readFileSync, writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { getLlama, LlamaLogLevel, readGgufFileInfo } from 'node-llama-cpp'

const [modelPath, questions, report] = process.argv.slice(2)
const items = readFileSync(questions, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: 2 })
const model = await llama.loadModel({ modelPath })
const info = await readGgufFileInfo(modelPath, { logWarnings: false })
const template = new llama._bindings.AddonJinjaRenderer(info.metadata.tokenizer.chat_template)
const threads = Number(process.env.THREADS ?? 1)
const context = await model.createContext({ sequences: 1, contextSize: 2048, batchSize: 512, threads })
const native = context._ctx

async function answer(prompt, limit = 300) {
  const tokens = model.tokenize(prompt, true)
  const sampler = new llama._bindings.AddonSampler(model._model)
  sampler.applyConfig({ temperature: 0 })
  native.disposeSequence(0)
  const out = []
  let pending = Uint32Array.from(tokens)
  let position = 0
  while (out.length < limit && position + pending.length < 2048) {
    let logit
    for (let i = 0; i < pending.length; i += 512) {
      const chunk = pending.slice(i, i + 512)
      native.initBatch(chunk.length)
      logit = native.addToBatch(0, position, chunk, new Uint32Array([chunk.length - 1]))[0]
      await native.decodeBatch()
      position += chunk.length
    }
    const token = await native.sampleToken(logit, sampler)
    if (model.isEogToken(token)) break
    out.push(token)
    pending = Uint32Array.from([token])
  }
  sampler.dispose()
  return model.detokenize(out, true)
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function calls(text) {
  return [...text.matchAll(/<tool_call>\n(.*?)\n<\/tool_call>/gs)].map((m) => parse(m[1]))
}

function right(item, text) {
  let body = text
  if (item.think) {
    const parts = /^[\s\S]{5,}?\n<\/think>\n\n([\s\S]*)$/.exec(text)
    if (!parts) return false
    body = parts[1]
  }
  if (item.kind === 'calls') return isDeepStrictEqual(calls(body), item.expected)
  if (item.kind === 'json') return isDeepStrictEqual(parse(body), item.expected)
  return body.trim() === item.expected.trim()
}

const scores = {}
const begun = Date.now()
let rendered = 0
for (const item of items) {
  const prompt = template.render({
    messages: item.messages,
    ...(item.tools ? { tools: item.tools } : {}),
    add_generation_prompt: true,
    enable_thinking: item.think,
  })
  if (prompt === item.prompt) rendered++
  const text = await answer(prompt)
  scores[item.skill] ??= { right: 0, of: 0 }
  const score = scores[item.skill]
  score.of++
  if (right(item, text)) score.right++
  else if (process.env.SHOW)
    console.log(
      JSON.stringify({
        skill: item.skill,
        asked: item.messages.at(-1).content,
        expected: item.expected,
        got: text,
      }),
    )
}
for (const [skill, s] of Object.entries(scores)) {
  s.accuracy = Number((s.right / s.of).toFixed(4))
  console.log(`${skill.padEnd(30)} ${(100 * s.accuracy).toFixed(1).padStart(6)} %  ${s.right}/${s.of}`)
}
console.log(
  `template equal to the trained one: ${rendered}/${items.length}; ${((Date.now() - begun) / 1000).toFixed(0)} s`,
)
if (report) {
  writeFileSync(
    report,
    `${JSON.stringify({ model: 'altiplano-demo.gguf', engine: 'node-llama-cpp 3.22.1, Q8_0, greedy', templateEqual: `${rendered}/${items.length}`, skills: scores }, null, 2)}\n`,
  )
}
process.exit(0)
