import { PATIENCE_MS } from './door.ts'
import type { Choice, World } from './world.ts'

/** What is wrong now. */
export async function complaintsOf(world: World): Promise<string[]> {
  return [
    ...world.complaints.splice(0),
    ...accounting(world, await world.admitted()),
    ...world.choices.flatMap((one) => ofChoice(one, world)),
  ]
}

/** What was let in is in flight or over, once; queues, slots and counts agree. */
function accounting(world: World, admitted: number): string[] {
  const { generator, live, records, choices, settings, scheduler } = world
  const complaints: string[] = []
  if (admitted !== choices.length) complaints.push(`${admitted} admitted, ${choices.length} begun`)
  if (generator.inFlight !== live.length)
    complaints.push(`${generator.inFlight} in flight, ${live.length} not over`)
  if (records.length + live.length !== admitted) complaints.push(`${records.length} of ${admitted} over`)
  if (live.length > settings.slots + settings.maxQueue) complaints.push(`${live.length} are inside`)
  try {
    generator.checkInvariants()
    scheduler?.checkInvariants()
  } catch (error) {
    complaints.push(String(error))
  }
  return complaints
}

function ofChoice(choice: Choice, world: World): string[] {
  const { generation, reader, expected } = choice
  const named = (what: string | undefined): string[] =>
    what ? [`choice ${world.choices.indexOf(choice)}: ${what}`] : []
  const { tokens, over } = generation
  const wrong = tokens.findIndex((token, at) => token !== expected.tokens[at])
  return [
    ...named(wrong === -1 ? undefined : `token ${wrong} of ${[...tokens]}, not ${expected.tokens}`),
    ...named(expected.text.startsWith(reader.text) ? undefined : `'${reader.text}', not '${expected.text}'`),
    ...named(reader.complaint),
    ...named(heldBack(choice)),
    ...named(over ? undefined : overdue(choice, world)),
    ...named(reader.error === undefined ? undefined : unjust(choice, world)),
    ...named(endOnce(choice)),
    ...named(over && !reader.stalled && !reader.done ? 'its reader waits for ever' : undefined),
  ]
}

/** No more of the text than could become a stop string, and nothing at the end. */
function heldBack({ reader, generation, request, expected }: Choice): string | undefined {
  if (reader.stalled || reader.leaving || reader.error !== undefined || generation.over) return undefined
  const longest = Math.max(0, ...request.stops.map((stop) => stop.length - 1))
  const letters = generation.tokens.filter((token) => token !== 0).length
  const told = Math.min(letters, expected.text.length) - longest
  return reader.text.length < told ? `'${reader.text}' of ${letters} letters` : undefined
}

/** What should be over. */
function overdue(
  { generation, request, acceptedAt, losses, hangs }: Choice,
  { settings, downAt }: World,
): string | undefined {
  const now = performance.now()
  const passed = (ms: number): boolean => ms > 0 && now >= acceptedAt + ms
  if (losses > 1) return 'it goes on after two crashes'
  if (hangs > 2) return 'it goes on after three hangs'
  if (now >= (request.deadlineAt ?? Number.POSITIVE_INFINITY)) return 'its deadline is over'
  if (generation.stage === 'waiting' && passed(settings.queueMs)) return 'it waits too long'
  if (generation.stage !== 'decode' && passed(settings.firstTokenMs)) return 'it has no token'
  if (passed(settings.totalMs)) return 'it takes too long'
  if (downAt !== undefined && now >= downAt + PATIENCE_MS) return 'it waits for an engine'
  return undefined
}

/** An error that nothing explains. */
function unjust(
  { reader, request, acceptedAt, losses, hangs, faulted }: Choice,
  { settings }: World,
): string | undefined {
  const now = performance.now()
  const code = reader.error?.code
  const since = now - acceptedAt
  const just =
    (code === 'engine_failed' && (faulted || losses > 1 || hangs > 2)) ||
    (code === 'engine_failed' && losses + hangs > 0 && since >= PATIENCE_MS) ||
    (code === 'engine_failed' && reader.error?.message.includes('in time') && since >= 0) ||
    (code === 'deadline_exceeded' && now >= (request.deadlineAt ?? Number.POSITIVE_INFINITY)) ||
    (code === 'queue_timeout' && since >= settings.queueMs) ||
    (code === 'first_token_timeout' && since >= settings.firstTokenMs) ||
    (code === 'total_timeout' && since >= settings.totalMs)
  return just ? undefined : `it failed: ${reader.error}`
}

function endOnce(choice: Choice): string | undefined {
  if (choice.endJudged || choice.reader.end === undefined) return undefined
  choice.endJudged = true
  return wrongEnd(choice)
}

/** The end tells exactly what an undisturbed server would have told. */
function wrongEnd({ reader, expected, request }: Choice): string | undefined {
  const { end, text, prompt } = reader
  if (end === undefined) return undefined
  const { usage, reason, logprobs } = end
  if (text !== expected.text) return `'${text}' at the end, not '${expected.text}'`
  if (reason !== expected.reason) return `it ended with ${reason}, not ${expected.reason}`
  if (usage.promptTokens !== request.spec.prompt.length) return `${usage.promptTokens} prompt tokens`
  if (usage.completionTokens !== expected.tokens.length)
    return `${usage.completionTokens} tokens, not ${expected.tokens.length}`
  if (usage.completionTokens > request.spec.maxTokens)
    return `${usage.completionTokens} of at most ${request.spec.maxTokens}`
  if (usage.cachedTokens >= request.spec.prompt.length) return `${usage.cachedTokens} tokens cached`
  const mean =
    expected.logprobs.reduce((sum, { logprob }) => sum + logprob, 0) / Math.max(1, expected.tokens.length)
  if (request.spec.logprobs && logprobs?.mean !== mean) return `a mean of ${logprobs?.mean}, not ${mean}`
  const scored = JSON.stringify(prompt?.logprobs ?? [])
  return scored === JSON.stringify(expected.promptLogprobs) ? undefined : `its prompt scored ${scored}`
}
