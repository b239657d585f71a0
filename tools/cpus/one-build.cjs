// Preloaded (node --require) into every process of a run of tests: llama.cpp's addon finds its backends in the folder that
// ALTIPLANO_TEST_BACKENDS names, whatever folder it is told of. That one holds a single build of ggml for the CPU.
const childProcess = require('node:child_process')
const { syncBuiltinESMExports } = require('node:module')

const folder = process.env.ALTIPLANO_TEST_BACKENDS
const { dlopen } = process
const { fork } = childProcess

process.dlopen = (module, path, ...flags) => {
  dlopen.call(process, module, path, ...flags)
  if (folder === undefined || !path.endsWith('llama-addon.node')) return
  const addon = module.exports
  // What the addon exports cannot be written over.
  module.exports = Object.create(addon, {
    loadBackends: { value: (from) => addon.loadBackends(from === undefined ? undefined : folder) },
  })
}

// The server's children get no NODE_OPTIONS of their parent's, and of its environment only what they need.
childProcess.fork = (path, args, options) => {
  const [given, more] = Array.isArray(args) ? [args, options] : [[], args]
  const execArgv = ['--require', __filename, ...(more?.execArgv ?? process.execArgv)]
  const env = { ...(more?.env ?? process.env), ALTIPLANO_TEST_BACKENDS: folder }
  return fork(path, given, { ...more, execArgv, env })
}
syncBuiltinESMExports()
