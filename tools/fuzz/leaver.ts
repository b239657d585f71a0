import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Draw } from './draw.ts'
import type { FuzzRequest } from './requests.ts'
import { requestBytes } from './wire.ts'

/** Sends one request up to three times on one connection, without waiting, and leaves: by FIN or RST, at once or after a while. */
export async function sendAndLeave(port: number, request: FuzzRequest, draw: Draw): Promise<void> {
  const whole = Buffer.concat(Array.from({ length: 1 + draw.below(3) }, () => requestBytes(request, true)))
  const sent = draw.once(4) ? whole.subarray(0, draw.below(whole.length)) : whole
  const afterMs = draw.of([0, 5, 50, 300])
  const reset = draw.once(2)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined).resume()
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(sent)
  await pause(afterMs)
  if (reset) socket.resetAndDestroy()
  else socket.destroy()
  await closed
}
