#!/usr/bin/env node
import { pino } from 'pino'
import { ConfigError } from './base/config-error.ts'
import { version } from './base/version.ts'
import { inspectModel } from './commands/inspect.ts'
import { serve } from './commands/serve.ts'
import { helpText } from './config/describe.ts'
import { type LoadedConfig, loadConfig } from './config/load.ts'
import { ModelFileError } from './models/model-file-error.ts'
import { writeTerminationMessage } from './server/termination-message.ts'

process.title = 'altiplano gateway'
try {
  process.exitCode = await run(loadConfig(process.argv.slice(2), process.env))
} catch (error) {
  if (!(error instanceof ConfigError) && !(error instanceof ModelFileError)) throw error
  process.stderr.write(`altiplano: ${error.message}\n`)
  writeTerminationMessage(error.message)
  process.exitCode = error instanceof ConfigError ? error.exitCode : 1
}

/** Resolves to the exit code. */
async function run({ command, file, config, warnings }: LoadedConfig): Promise<number> {
  if (command === 'help') process.stdout.write(`${helpText()}\n`)
  else if (command === 'version') process.stdout.write(`${version}\n`)
  else if (command === 'inspect') process.stdout.write(`${await inspectModel(file ?? '', config)}\n`)
  else {
    const log = pino({ level: config.logLevel, base: null })
    for (const warning of warnings) log.warn(warning)
    return serve(config, log)
  }
  return 0
}
