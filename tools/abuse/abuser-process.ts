// Abuse has a process of its own: what it costs its author is not felt by the good clients beside it.
import { type Abuse, type Attack, abuses } from './abusers.ts'

process.on('message', async ({ abuse, ...attack }: Attack & { readonly abuse: Abuse }) => {
  await abuses[abuse](attack)
  process.send?.('over')
})
