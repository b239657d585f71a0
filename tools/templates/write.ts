import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openVocabulary } from '../../src/engine/llama/vocabulary.ts'
import { realTemplates } from '../../test/support/llama-source.ts'
import { PAGE, templatesPage } from './table.ts'

/** Writes docs/templates.md. ALTIPLANO_TEST_PYTHON names an interpreter that has jinja2. */
const path = fileURLToPath(new URL(`../../${PAGE}`, import.meta.url))
const model = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))
const python = process.env['ALTIPLANO_TEST_PYTHON']
if (python === undefined)
  console.error('ALTIPLANO_TEST_PYTHON names no interpreter: the column of renderings stays as it is')
const vocabulary = await openVocabulary(model)
const known = readFileSync(path, { encoding: 'utf8', flag: 'a+' })
writeFileSync(path, templatesPage(realTemplates(), vocabulary.renderJinja, python, known))
await vocabulary.close()
