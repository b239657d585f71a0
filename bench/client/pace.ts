import { setTimeout as pause } from 'node:timers/promises'

/** Asks in lanes, each again as soon as it has its answer, for so long. Resolves, when the last has come, to all of them. */
export async function closedLoop<T>(
  lanes: number,
  seconds: number,
  ask: (lane: number, turn: number) => Promise<T>,
): Promise<T[]> {
  const startedAt = performance.now()
  const answers: T[] = []
  const run = async (lane: number): Promise<void> => {
    for (let turn = 0; performance.now() - startedAt < 1000 * seconds; turn++)
      answers.push(await ask(lane, turn))
  }
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)))
  return answers
}

/** Answers a second of a closed loop. */
export async function capacityOf(
  lanes: number,
  seconds: number,
  ask: (lane: number, turn: number) => Promise<unknown>,
): Promise<number> {
  const startedAt = performance.now()
  const { length } = await closedLoop(lanes, seconds, ask)
  return (1000 * length) / (performance.now() - startedAt)
}

/**
 * Asks at a rate, whatever comes of it. Resolves, when the last answer has come, to all of them.
 * @param goesOn after so many seconds.
 */
export async function openLoop<T>(
  rate: number,
  goesOn: (seconds: number) => boolean,
  ask: (index: number) => Promise<T>,
): Promise<T[]> {
  const asked: Promise<T>[] = []
  const startedAt = performance.now()
  for (let seconds = 0; goesOn(seconds); seconds = (performance.now() - startedAt) / 1000) {
    while (asked.length < seconds * rate) asked.push(ask(asked.length))
    await pause(5)
  }
  return Promise.all(asked)
}
