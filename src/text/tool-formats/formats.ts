import { apertus } from './apertus.ts'
import { apriel } from './apriel.ts'
import { command, commandPlus } from './command.ts'
import { deepseek, deepseekFenced } from './deepseek.ts'
import { firefunction } from './firefunction.ts'
import { functionTags } from './function-tags.ts'
import { functionary } from './functionary.ts'
import { gemma } from './gemma.ts'
import { gigachat, gigachatTag } from './gigachat.ts'
import { glm, glmDense, hunyuan } from './glm.ts'
import { granite } from './granite.ts'
import { harmony } from './harmony.ts'
import { hermes } from './hermes.ts'
import { dsmlFunctions, dsmlTools, minimax, minimaxLines, minimaxNested } from './invoke.ts'
import { kimi, kimiTyped } from './kimi.ts'
import { llamaJson } from './meta-llama.ts'
import { minicpm } from './minicpm.ts'
import { mistral, mistralList } from './mistral.ts'
import { nemotron } from './nemotron.ts'
import { plainJson } from './plain-json.ts'
import { pythonic, pythonicTagged } from './pythonic.ts'
import { qwenXml, seed } from './qwen-xml.ts'
import { solar } from './solar.ts'
import type { ToolFormat } from './tool-format.ts'

/** All formats. A template has the first that recognises it, so a format stands before those that would take its templates. */
export const toolFormats: readonly ToolFormat[] = [
  // By tags that no other format has.
  harmony,
  functionary,
  command,
  commandPlus,
  nemotron,
  apriel,
  apertus,
  gemma,
  gigachat,
  gigachatTag,
  solar,
  firefunction,
  seed,
  hunyuan,
  minimax,
  minimaxLines,
  minimaxNested,
  kimi,
  kimiTyped,
  dsmlFunctions,
  dsmlTools,
  minicpm,
  // By the same tags, and whether there are line ends between them.
  glmDense,
  glm,
  // Its templates may name hermes' tag, too, which it reads.
  granite,
  // By a tag of both, and whether there is a second one.
  mistralList,
  mistral,
  // By the same tags, and a block of code.
  deepseekFenced,
  deepseek,
  // By one outer tag: each looks at what stands inside, so that their order does not matter.
  qwenXml,
  hermes,
  pythonicTagged,
  functionTags,
  // By words of an instruction, which a template may have beside any tags.
  llamaJson,
  pythonic,
  // Recognises nothing: what is left.
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
