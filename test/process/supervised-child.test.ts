import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { Metrics } from '../../src/metrics/metrics.ts'
import { SupervisedChild, type SupervisedChildOptions } from '../../src/process/supervised-child.ts'
import { metric } from '../support/metrics.ts'
import { PATIENCE, until } from '../support/patience.ts'

type Command = { readonly do: string; readonly text?: string }
type Child = SupervisedChild<{ fail?: string }, Command, { pid: number }, string>

const started: Child[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => child.stop(1000)))
})

function start(more: Partial<SupervisedChildOptions<{ fail?: string }, { pid: number }, string>> = {}) {
  const heard: [string, number][] = []
  const causes: string[] = []
  const metrics = new Metrics('m')
  const child: Child = new SupervisedChild({
    name: 'fixture',
    entry: new URL('./fixture-child.ts', import.meta.url),
    init: () => ({}),
    log: { info: () => undefined, warn: () => undefined },
    metrics,
    onMessage: (message, epoch) => heard.push([message, epoch]),
    onDown: ({ cause }) => causes.push(cause),
    ...more,
  })
  started.push(child)
  child.start()
  return { child, heard, causes, metrics }
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('SupervisedChild', () => {
  it('SupervisedChild exchanges messages with its child', async () => {
    const { child, heard } = start()
    expect(child.send({ do: 'echo', text: 'too early' })).toBe(false)
    await child.whenReady(PATIENCE)
    expect(child.send({ do: 'echo', text: 'hello' })).toBe(true)
    await until(() => heard.length > 0)
    expect(heard).toEqual([['hello', 1]])
  })

  it.each(['SIGKILL', 'crash'])('SupervisedChild replaces a child after %s, in a new epoch', async (how) => {
    const { child, causes, heard, metrics } = start()
    const { pid } = await child.whenReady(PATIENCE)
    if (how === 'crash') child.send({ do: 'crash' })
    else process.kill(pid, 'SIGKILL')
    await until(() => child.state === 'restarting')
    expect(child.ready).toBeUndefined()
    expect((await child.whenReady(PATIENCE)).pid).not.toBe(pid)
    child.send({ do: 'echo', text: 'again' })
    await until(() => heard.length > 0)
    expect(heard).toEqual([['again', 2]])
    expect([causes, child.restarts]).toEqual([[how === 'crash' ? 'SIGABRT' : 'SIGKILL'], 1])
    expect(await metric(metrics, 'altiplano_child_restarts_total', { process: 'fixture' })).toBe(1)
  })

  it('SupervisedChild kills a child that sends no heartbeat', async () => {
    const { child, causes } = start({ heartbeatTimeoutMs: 2500 })
    await child.whenReady(PATIENCE)
    child.send({ do: 'hang' })
    await until(() => child.state === 'restarting')
    expect(causes).toEqual(['SIGKILL'])
    expect(child.lastFailure).toContain('no sign of life')
  })

  it('SupervisedChild kills a child that is busy without progress, though it sends heartbeats', async () => {
    const { child } = start({ progressTimeoutMs: 1800 })
    await child.whenReady(PATIENCE)
    child.send({ do: 'stall' })
    await until(() => child.state === 'restarting')
    expect(child.lastFailure).toContain('no progress')
  })

  it('SupervisedChild leaves a child alone that is idle, or slow with progress', async () => {
    const { child, causes } = start({ progressTimeoutMs: 1800 })
    await child.whenReady(PATIENCE)
    await new Promise((resolve) => setTimeout(resolve, 2500))
    child.send({ do: 'work' })
    await new Promise((resolve) => setTimeout(resolve, 3000))
    expect([child.state, causes]).toEqual(['ready', []])
  })

  it('SupervisedChild leaves its child alone after a standstill of its own process', async () => {
    const { child, causes } = start({ heartbeatTimeoutMs: 2500, progressTimeoutMs: 2500 })
    await child.whenReady(PATIENCE)
    child.send({ do: 'work' })
    await new Promise((resolve) => setTimeout(resolve, 1200))
    // Longer than a child may be silent, three times over: it goes on beating, and nobody listens.
    for (let again = 0; again < 3; again++) {
      const until = performance.now() + 4000
      while (performance.now() < until);
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect([child.state, causes, child.restarts]).toEqual(['ready', [], 0])
  })

  it.each([
    ['gets no CPU is given more time', { computes: true, usedMs: 10 }, 'no sign of life for 6'],
    ['is not computing is given no more time', { computes: false, usedMs: 10 }, 'no sign of life for 2'],
  ])('a silent child that %s', async (_what, use, failure) => {
    const { child } = start({ heartbeatTimeoutMs: 2000, progressTimeoutMs: 6000, cpuUse: () => use })
    await child.whenReady(PATIENCE)
    child.send({ do: 'hang' })
    await until(() => child.state === 'restarting')
    expect(child.lastFailure).toContain(failure)
  })

  it('SupervisedChild separates its own kills from crashes, and counts failed starts in a row', async () => {
    const losses: unknown[] = []
    let fail: string | undefined
    const { child } = start({
      init: () => (fail === undefined ? {} : { fail }),
      backoffMs: { first: 20, max: 20 },
      onDown: ({ served, killed, failedStarts }) => losses.push([served, killed, failedStarts]),
    })
    await child.whenReady(PATIENCE)
    child.kill('a test')
    await until(() => losses.length === 1)
    const { pid } = await child.whenReady(PATIENCE)
    fail = 'no'
    process.kill(pid, 'SIGKILL')
    await until(() => losses.length === 4)
    fail = undefined
    await child.whenReady(PATIENCE)
    child.send({ do: 'crash' })
    await until(() => losses.length === 5)
    expect(losses).toEqual([
      [true, true, 0],
      [true, false, 0],
      [false, false, 1],
      [false, false, 2],
      [true, false, 0],
    ])
  })

  it('SupervisedChild ignores messages of an ended child, and of another epoch', async () => {
    const pipes = { stdout: null, stderr: null, connected: true, send: () => true, kill: () => true }
    const process = Object.assign(new EventEmitter(), pipes)
    const say = (frame: object): boolean => process.emit('message', frame)
    const { child, heard, causes } = start({ fork: () => process as unknown as ChildProcess })
    say({ kind: 'ready', epoch: 1, ready: { pid: 0 } })
    say({ kind: 'message', epoch: 2, message: 'another' })
    say({ kind: 'message', epoch: 1, message: 'this one' })
    process.emit('exit', null, 'SIGKILL')
    say({ kind: 'ready', epoch: 1, ready: { pid: 0 } })
    say({ kind: 'message', epoch: 1, message: 'too late' })
    expect([heard, causes, child.state, child.ready]).toEqual([
      [['this one', 1]],
      ['SIGKILL'],
      'restarting',
      undefined,
    ])
  })

  it('SupervisedChild waits for the next child when the channel is closed before the exit', async () => {
    const pipes = { stdout: null, stderr: null, connected: true, send: () => true, kill: () => true }
    const process = Object.assign(new EventEmitter(), pipes)
    const { child } = start({ fork: () => process as unknown as ChildProcess })
    process.emit('message', { kind: 'ready', epoch: 1, ready: { pid: 0 } })
    process.connected = false
    await expect(child.whenReady(50)).rejects.toThrow('the fixture process is not ready')
    process.emit('exit', null, 'SIGKILL')
  })

  it('SupervisedChild reports why a child cannot start, and backs off', async () => {
    const { child, causes } = start({
      init: () => ({ fail: 'the file is gone' }),
      backoffMs: { first: 20, max: 60 },
    })
    await until(() => causes.length >= 2)
    expect(child.lastFailure).toBe('the file is gone')
    await expect(child.whenReady(50)).rejects.toThrow('the file is gone')
  })

  it('SupervisedChild reports what a child wrote before native code ended it', async () => {
    const { child, causes } = start({ init: () => ({ fail: 'natively' }) })
    await until(() => causes.length === 1)
    expect(child.lastFailure).toBe(
      'the fixture process ended: SIGABRT; it wrote: CUDA error: no kernel image is available',
    )
  })

  it('SupervisedChild stops a child whose last output is still awaited', async () => {
    const { child } = start({ init: () => ({ fail: 'natively' }) })
    const pid = child.pid ?? 0
    await until(() => !alive(pid))
    await child.stop(1000)
    expect(child.state).toBe('stopped')
  })

  it('SupervisedChild does not restart a child that it has stopped', async () => {
    const { child } = start()
    const { pid } = await child.whenReady(PATIENCE)
    await child.stop(5000)
    expect(() => process.kill(pid, 0)).toThrow()
    expect([child.state, child.restarts, child.send({ do: 'echo' })]).toEqual(['stopped', 0, false])
  })
})
