import { expect, it } from 'vitest'
import { inOwnWords } from '../../src/text/template/own-words.ts'

it.each([
  ['thinking_budget', { enable_thinking: true, thinking_budget: 512 }, 512],
  ['thinking_budget', { enable_thinking: true, thinking_budget: 0 }, undefined],
  ['thinking_budget', { enable_thinking: false, thinking_budget: 512 }, 0],
  ['thinking_budget', { thinking_budget: 512 }, 512],
  ['thinking_effort', { reasoning_effort: 'none', thinking_effort: 'low' }, undefined],
  ['thinking_effort', { reasoning_effort: 'xhigh', thinking_effort: 'low' }, 'max'],
  ['reasoning_effort', { reasoning_effort: 'no_think' }, 'no_think'],
  ['reasoning_effort', { reasoning_effort: 'none' }, 'no_think'],
  ['reasoning_effort', { reasoning_effort: 'low' }, 'low'],
  ['reasoning_effort', { reasoning_effort: 'medium' }, 'high'],
])('the variable %s of a template is, where %j is set, %j', (name, kwargs, value) => {
  const said = inOwnWords("{% if reasoning_effort == 'no_think' %}", new Set([name]))(kwargs)
  expect(said[name]).toBe(value)
})
