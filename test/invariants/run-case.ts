import type { Case } from './case.ts'
import { complaintsOf } from './laws.ts'
import { World } from './world.ts'

/** Commands that were run, of all cases. */
export const told = {
  cases: 0,
  commands: 0,
  passes: 0,
  choices: 0,
  ends: new Map<string, number>(),
}

/** Runs a case, with every law checked after every command. @throws Error that says which was broken, and when. */
export async function runCase({ settings, commands }: Case): Promise<World> {
  const world = new World(settings)
  const check = async (when: string): Promise<void> => {
    const complaints = await complaintsOf(world)
    if (complaints.length > 0) throw new Error(`after ${when}: ${complaints.join('; ')}`)
  }
  try {
    await world.open()
    for (const [index, command] of commands.entries()) {
      await world.apply(command)
      await check(`command ${index}, ${command.do}`)
    }
    await world.finish()
    await check('the end')
    checkIdle(world)
  } finally {
    count(world, commands.length)
    world.close()
  }
  return world
}

/** Nothing is left of anybody. */
function checkIdle({ scheduler, choices }: World): void {
  const stats = JSON.stringify(scheduler?.stats())
  if (stats !== JSON.stringify({ waiting: 0, running: 0, resident: 0 }))
    throw new Error(`at the end: ${stats}`)
  for (const { reader, cancelled } of choices)
    if (!reader.done || (reader.end === undefined && reader.error === undefined && !cancelled))
      throw new Error('somebody was never told the end')
}

function count({ passes, choices }: World, commands: number): void {
  told.cases++
  told.commands += commands
  told.passes += passes.length
  told.choices += choices.length
  for (const { reader } of choices) {
    const end = reader.end?.reason ?? reader.error?.code ?? 'cancelled'
    told.ends.set(end, (told.ends.get(end) ?? 0) + 1)
  }
}
