import { deepseek, deepseekFenced } from './deepseek.ts'
import { functionary } from './functionary.ts'
import { granite } from './granite.ts'
import { harmony } from './harmony.ts'
import { hermes } from './hermes.ts'
import { llamaJson } from './meta-llama.ts'
import { mistral, mistralList } from './mistral.ts'
import { plainJson } from './plain-json.ts'
import { pythonic, pythonicTagged } from './pythonic.ts'
import { qwenXml } from './qwen-xml.ts'
import type { ToolFormat } from './tool-format.ts'

/** All formats, in the order in which they are tried. */
export const toolFormats: readonly ToolFormat[] = [
  harmony,
  functionary,
  granite,
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

/** The format that a chat template teaches its model; `plainJson` when none is known, or it takes no tools. */
export function recogniseToolFormat(template: string, takesTools: boolean): ToolFormat {
  const known = toolFormats.find((format) => format.recognises(template))
  return known !== undefined && (takesTools || known.lead !== undefined) ? known : plainJson
}

export function toolFormatNamed(name: string): ToolFormat | undefined {
  return toolFormats.find((format) => format.name === name)
}
