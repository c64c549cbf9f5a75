import { readFileSync } from 'node:fs'

const launcher = /^(\S*\/)?((da|ba)?sh -c|npm|npx|pnpm|node \S*(npm|npx|pnpm))\b/

function readProcess(pid: number): { readonly command: string; readonly parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    return state === 'Z' ? undefined : { command, parent: Number(parent) }
  } catch {
    return undefined
  }
}

/** `npx` starts a shell, that starts pnpm, that starts a shell, that started us. */
function findLaunchers(): number[] {
  const found: number[] = []
  for (let pid = process.ppid; pid > 1;) {
    const ancestor = readProcess(pid)
    if (ancestor === undefined || !launcher.test(ancestor.command)) break
    found.push(pid)
    pid = ancestor.parent
  }
  return found
}

/**
 * Calls back when somebody has killed the `npx` or `pnpm` that started us. A signal that cannot be caught cannot be passed
 * on either, so we would run on without anybody knowing. Where there is no /proc, only a lost parent is noticed.
 */
export function onceAbandoned(callback: () => void): void {
  const { ppid } = process
  const launchers = findLaunchers()
  const timer = setInterval(() => {
    if (process.ppid === ppid && launchers.every((pid) => readProcess(pid) !== undefined)) return
    clearInterval(timer)
    callback()
  }, 250)
  timer.unref()
}
