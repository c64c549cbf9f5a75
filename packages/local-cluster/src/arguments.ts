import { parseArgs } from 'node:util'
import { LocalClusterError } from './errors.ts'
import type { Collation } from './image.ts'
import type { Settings } from './settings.ts'

export const usage = `local-cluster: real PostgreSQL shards and streaming replicas on this machine

  local-cluster [options]

  --shards N            primaries (default 1)
  --replicas N          streaming replicas of each (default 0)
  --sql FILE            run a SQL file on every primary; may be repeated
  --conf NAME=VALUE     a setting for postgresql.conf of every node; may be repeated
  --icu LOCALE          sort text by ICU (en-US, de-u-co-phonebk); default is C
  --replay-delay MS     replicas apply commits this late
  --json                print the URLs as JSON instead of for people
  --help

It prints the URLs and a configuration for Shardline, and runs until Ctrl-C. Nothing is kept.
PostgreSQL comes from npm; PG_BIN=/path/to/bin takes another one (15 or newer).`

/** The command line, checked. */
export interface Arguments {
  readonly shards: number
  readonly replicas: number
  readonly replayDelayMs: number
  readonly conf: Settings
  readonly collation?: Collation
  readonly files: readonly string[]
  readonly json: boolean
}

const options = {
  shards: { type: 'string', default: '1' },
  replicas: { type: 'string', default: '0' },
  'replay-delay': { type: 'string', default: '0' },
  sql: { type: 'string', multiple: true, default: [] as string[] },
  conf: { type: 'string', multiple: true, default: [] as string[] },
  icu: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

function wholeNumber(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new LocalClusterError('BAD_OPTION', `--${option} takes a whole number, not "${text}".`)
}

function setting(text: string): [name: string, value: string] {
  const [, name, value] = /^([\w.]+)=(.*)$/s.exec(text) ?? []
  if (name !== undefined && value !== undefined) return [name, value]
  throw new LocalClusterError('BAD_OPTION', `--conf takes NAME=VALUE, not "${text}".`)
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: false }).values
  } catch (error) {
    throw new LocalClusterError('BAD_OPTION', (error as Error).message, { cause: error })
  }
}

/** @throws LocalClusterError BAD_OPTION, saying which option and what it takes */
export function parseArguments(argv: readonly string[]): Arguments | 'help' {
  const values = parse(argv)
  if (values.help) return 'help'
  return {
    shards: wholeNumber('shards', values.shards),
    replicas: wholeNumber('replicas', values.replicas),
    replayDelayMs: wholeNumber('replay-delay', values['replay-delay']),
    conf: Object.fromEntries(values.conf.map(setting)),
    ...(values.icu !== undefined && { collation: { provider: 'icu', locale: values.icu } }),
    files: values.sql,
    json: values.json,
  }
}
