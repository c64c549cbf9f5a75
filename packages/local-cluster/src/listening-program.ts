import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LocalClusterError } from './errors.ts'
import { freePort } from './ports.ts'
import { waitFor } from './wait.ts'

const portAttempts = 8

/** A program that is to listen on a free port, from a folder in which the reaper finds it. */
export interface ListeningProgram {
  /** For messages. */
  readonly name: string
  readonly path: string
  readonly env: Readonly<Record<string, string>>
  readonly dir: string
  /** The program's arguments for a port; may write its configuration. */
  prepare(port: number): readonly string[]
  isReady(port: number): Promise<boolean>
}

export interface Listening {
  readonly port: number
  readonly pid: number
}

/**
 * Starts it on one free port after the other until it gets one, and resolves when it is ready.
 * @throws LocalClusterError START_FAILED with what it printed
 */
export async function startListening(program: ListeningProgram): Promise<Listening> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort()
    const started = await tryStart(program, port)
    if ('pid' in started) return started
    if (!started.output.includes('in use') || attempt === portAttempts) {
      throw new LocalClusterError(
        'START_FAILED',
        `${program.path} did not start:\n${started.output.slice(-2000)}`,
      )
    }
  }
}

async function tryStart(
  program: ListeningProgram,
  port: number,
): Promise<Listening | { readonly output: string }> {
  // A file, not a pipe: who writes to a pipe that nobody reads stops, or dies of it.
  const log = join(program.dir, 'output.log')
  const output = openSync(log, 'w')
  const server = spawn(program.path, program.prepare(port), {
    cwd: program.dir,
    env: { ...process.env, ...program.env },
    stdio: ['ignore', output, output],
    detached: true,
  })
  closeSync(output)
  let failure = ''
  let hasEnded = false
  server.once('exit', () => (hasEnded = true))
  server.once('error', (error) => {
    failure = error.message
    hasEnded = true
  })
  await waitFor(`${program.name} to answer`, async () => hasEnded || (await program.isReady(port)))
  if (hasEnded || server.pid === undefined) return { output: `${failure}${readFileSync(log, 'utf8')}` }
  server.unref()
  return { port, pid: server.pid }
}
