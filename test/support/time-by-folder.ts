import type { Reporter, TestModule } from 'vitest/node'

/** Prints at the end how long the tests of each folder took, so that a folder that grows slow is seen. */
export class TimeByFolder implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const seconds = new Map<string, number>()
    for (const module of modules) {
      const folder = module.relativeModuleId.split('/').slice(0, 2).join('/')
      const { duration, prepareDuration, setupDuration, collectDuration } = module.diagnostic()
      const all = (duration + prepareDuration + setupDuration + collectDuration) / 1000
      seconds.set(folder, (seconds.get(folder) ?? 0) + all)
    }
    const rows = [...seconds].sort(([, a], [, b]) => b - a)
    console.log('\nSeconds by folder, which run beside each other:')
    for (const [folder, spent] of rows) console.log(`${spent.toFixed(1).padStart(8)}  ${folder}`)
  }
}
