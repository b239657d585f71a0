// OpenAI's Agents SDK for JavaScript: tools, streams, output types and handoffs, by chat completions and by Responses.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  Agent,
  OpenAIChatCompletionsModel,
  OpenAIResponsesModel,
  run,
  setTracingDisabled,
  tool,
} from '@openai/agents'
import OpenAI from 'openai'
import { z } from 'zod'

setTracingDisabled(true)
const name = process.env.ALTIPLANO_MODEL
const client = new OpenAI({ baseURL: `${process.env.ALTIPLANO_URL}/v1`, apiKey: 'none', maxRetries: 0 })
const modelSettings = { temperature: 0, maxTokens: 200 }
const getWeather = tool({
  name: 'get_weather',
  description: 'Get the current weather of a city',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `21 degrees and sunny in ${city}`,
})

for (const [protocol, model] of [
  ['chat', new OpenAIChatCompletionsModel(client, name)],
  ['responses', new OpenAIResponsesModel(client, name)],
]) {
  test(`${protocol}: runs a tool and answers`, async () => {
    const agent = new Agent({ name: 'a', model, modelSettings, tools: [getWeather] })
    const result = await run(agent, 'What is the weather in Paris?')
    assert.deepEqual(result.newItems.map(({ type }) => type).slice(0, 2), [
      'tool_call_item',
      'tool_call_output_item',
    ])
    assert.ok(result.finalOutput)
  })

  test(`${protocol}: streams a run with a tool`, async () => {
    const agent = new Agent({ name: 'a', model, modelSettings, tools: [getWeather] })
    const result = await run(agent, 'What is the weather in Paris?', { stream: true })
    let text = ''
    for await (const delta of result.toTextStream()) text += delta
    await result.completed
    assert.ok(text.endsWith(result.finalOutput))
  })

  test(`${protocol}: gives an object of the output type`, async () => {
    const outputType = z.object({ city: z.enum(['Paris', 'Berlin']), warm: z.boolean() })
    const agent = new Agent({ name: 'a', model, modelSettings, outputType })
    const { finalOutput } = await run(agent, 'The weather in Paris is warm. Answer in JSON.')
    assert.equal(typeof finalOutput.warm, 'boolean')
  })

  test(`${protocol}: hands off`, async () => {
    const poet = new Agent({ name: 'poet', model, modelSettings, instructions: 'Greet.' })
    const desk = new Agent({
      name: 'desk',
      model,
      modelSettings: { ...modelSettings, toolChoice: 'required' },
      handoffs: [poet],
    })
    const { lastAgent } = await run(desk, 'Hello!', { maxTurns: 4 })
    assert.equal(lastAgent.name, 'poet')
  })
}
