import { deepseek } from './deepseek.ts'
import { hermes } from './hermes.ts'
import { llamaJson } from './meta-llama.ts'
import { mistral } from './mistral.ts'
import { pythonic } from './pythonic.ts'
import { qwenXml } from './qwen-xml.ts'
import type { ToolFormat } from './tool-format.ts'

/** All formats, in the order in which they are tried. */
export const toolFormats: readonly ToolFormat[] = [mistral, deepseek, qwenXml, hermes, llamaJson, pythonic]

/** The format that a chat template teaches its model; undefined when none is known. */
export function recogniseToolFormat(template: string): ToolFormat | undefined {
  return toolFormats.find((format) => format.recognises(template))
}

export function toolFormatNamed(name: string): ToolFormat | undefined {
  return toolFormats.find((format) => format.name === name)
}
