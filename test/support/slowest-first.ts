import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take a minute or more, most of it waiting: begun last they would run alone at the end. */
const SLOW = ['server/standstill', 'server/lifecycle', 'server/abuse', 'process/supervised-child'].map(
  (name) => `test/${name}.test.ts`,
)

/** Runs the slow files first, and the others in vitest's own order. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isSlow = ({ moduleId }: TestSpecification): boolean => SLOW.some((name) => moduleId.endsWith(name))
    const sorted = await super.sort(files)
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))]
  }
}
