import { readFileSync } from 'node:fs'

/**
 * Processes of this one's cgroup that the kernel has killed for want of memory so far. Linux: `oom_kill` of `memory.events`
 * (cgroup v2) or `memory.oom_control` (v1). Undefined where neither file is there.
 */
export function memoryKills(root = '/sys/fs/cgroup', membership = '/proc/self/cgroup'): number | undefined {
  const text = textOf(membership) ?? ''
  const unified = /^0::(.*)$/m.exec(text)?.[1] ?? ''
  const memory = /^\d+:memory:(.*)$/m.exec(text)?.[1] ?? ''
  // In a container with a namespace of its own the path is not below what is mounted.
  const files = [
    `${root}${unified}/memory.events`,
    `${root}/memory.events`,
    `${root}/memory${memory}/memory.oom_control`,
    `${root}/memory/memory.oom_control`,
  ]
  for (const file of files) {
    const count = /^oom_kill (\d+)$/m.exec(textOf(file) ?? '')?.[1]
    if (count !== undefined) return Number(count)
  }
  return undefined
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
