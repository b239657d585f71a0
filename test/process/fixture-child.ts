import { serveChild } from '../../src/process/child-channel.ts'

type Command =
  | { readonly do: 'echo'; readonly text: string }
  | { readonly do: 'hang' }
  | { readonly do: 'stall' }
  | { readonly do: 'work' }
  | { readonly do: 'crash' }

serveChild<{ fail?: string }, Command, { pid: number }, string>(async (init, channel) => {
  if (init.fail === 'natively') {
    process.stderr.write('CUDA error: no kernel image is available\n[the backtrace]\n')
    process.abort()
  }
  if (init.fail !== undefined) throw new Error(init.fail)
  return {
    ready: { pid: process.pid },
    onMessage: (command) => {
      if (command.do === 'echo') channel.send(command.text)
      else if (command.do === 'crash') setTimeout(() => process.abort(), 0)
      else if (command.do === 'stall') channel.busy(true)
      else if (command.do === 'work') {
        channel.busy(true)
        setInterval(() => channel.progress(), 100)
      } else while (true);
    },
    close: async () => undefined,
  }
})
