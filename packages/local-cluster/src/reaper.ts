import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'

// The reaper is a shell in a session of its own that waits on a pipe whose other end only this process
// holds. However this process ends (kill -9 included), the kernel closes the pipe; the reaper then ends
// every process that works inside the folder and removes the folder. A clean stop closes the pipe too:
// there is one way to clean up, so the crash path is exercised by every run.
//
// Processes are found by their working folder, not by pid files: that also finds initdb and cp, servers that have
// not written theirs yet, and never a stranger who inherited a pid. macOS has no /proc: there the folder stands in
// the arguments of the postmaster, its children are found by parent, and Redis, which rewrites its arguments, by
// pid file after all. The folder comes in by environment, so that it is not in the reaper's own arguments.
//
// The ipcrm at the end: a server that was killed with SIGKILL leaves its System V segment, and macOS has room for 32.
const script = `
cat >/dev/null
inside() {
  if [ -e /proc/self/cwd ] && [ -z "$REAPER_USES_PS" ]; then
    ls -l /proc/[0-9]*/cwd 2>/dev/null | awk 'index($0, "-> " ENVIRON["DIR"]) { split($0, part, "/proc/"); split(part[2], pid, "/"); print pid[1] }'
  else
    ps -A -ww -o pid=,ppid=,args= | awk '
      { parent[$1] = $2; if (index($0, ENVIRON["DIR"])) found[$1] = 1 }
      END { for (p in parent) if ((p in found) || (parent[p] in found)) print p }'
    for file in "$DIR"/*.pid; do pid=$(cat "$file") && kill -0 "$pid" && echo "$pid"; done
  fi 2>/dev/null
}
round=0
while pids=$(inside); [ -n "$pids" ] && [ $round -lt 400 ]; do
  case $round in
    0) kill -CONT $pids; kill -QUIT $pids ;;
    100|200|300) kill -KILL $pids ;;
  esac
  round=$((round + 1)); sleep 0.03
done 2>/dev/null
for file in "$DIR"/*/postmaster.pid; do
  [ -e "$file" ] && ipcrm -m "$(sed -n '7s/^ *[0-9]* *//p' "$file")"
done >/dev/null 2>&1
rm -rf "$DIR"
`

export interface Reaper {
  /** Ends every process inside the folder, removes the folder, and resolves when both are done. */
  reap(): Promise<void>
}

/** Watches over a folder until this process ends or `reap` is called. Does not keep this process alive. */
export function watchFolder(folder: string): Reaper {
  const child = spawn('/bin/sh', ['-c', script], {
    cwd: '/',
    env: { ...process.env, DIR: folder },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  const ended = new Promise<void>((resolve, reject) =>
    child.once('exit', () => resolve()).once('error', reject),
  )
  ended.catch(() => undefined)
  const pipe = child.stdin as Socket
  child.unref()
  pipe.unref()
  return {
    async reap() {
      child.ref()
      pipe.end()
      await ended
    },
  }
}

/** Cleans a folder whose own reaper is gone too. Runs by itself; nobody waits for it. */
export function reapAbandoned(folder: string): void {
  const options = { cwd: '/', env: { ...process.env, DIR: folder }, stdio: 'ignore', detached: true } as const
  spawn('/bin/sh', ['-c', script], options)
    .on('error', () => undefined)
    .unref()
}
