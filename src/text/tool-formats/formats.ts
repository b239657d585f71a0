import { deepseek, deepseekFenced } from './deepseek.ts'
import { hermes } from './hermes.ts'
import { llamaJson } from './meta-llama.ts'
import { mistral, mistralList } from './mistral.ts'
import { plainJson } from './plain-json.ts'
import { pythonic, pythonicTagged } from './pythonic.ts'
import { qwenXml } from './qwen-xml.ts'
import type { ToolFormat } from './tool-format.ts'

/** All formats, in the order in which they are tried. */
export const toolFormats: readonly ToolFormat[] = [
  mistralList,
  mistral,
  deepseekFenced,
  deepseek,
  qwenXml,
  hermes,
  llamaJson,
  pythonicTagged,
  pythonic,
  plainJson,
]

/** The format that a chat template teaches its model; `plainJson` when none is known. */
export function recogniseToolFormat(template: string): ToolFormat {
  return toolFormats.find((format) => format.recognises(template)) ?? plainJson
}

export function toolFormatNamed(name: string): ToolFormat | undefined {
  return toolFormats.find((format) => format.name === name)
}
