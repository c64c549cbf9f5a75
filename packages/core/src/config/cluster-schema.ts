import { z } from 'zod'
import { connectionUrl } from './connection-url.ts'

/**
 * The shape of a cluster description. Messages never quote the input: it holds passwords.
 * Every object is strict, because a misspelt option that is silently ignored is worse than a refused one.
 */

const name = z
  .string({ error: 'expected a name' })
  .regex(
    /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/,
    'a name has letters, digits, "_" and "-", at most 63, and no digit in front',
  )
const count = z.int({ error: 'expected a whole number' }).min(1, 'expected at least 1')
const countOrNone = z.int({ error: 'expected a whole number' }).min(0, 'expected at least 0')
const milliseconds = z.int({ error: 'expected a whole number of milliseconds' }).min(0, 'expected at least 0')
const text = z.string({ error: 'expected a string' }).min(1, 'expected some text')
const flag = z.boolean({ error: 'expected true or false' })
const guard = z.enum(['required', 'off'])
const functionOf = (what: string) =>
  z.custom<(...args: never[]) => unknown>((value) => typeof value === 'function', `expected ${what}`)
const objectOf = (what: string) =>
  z.custom<object>((value) => typeof value === 'object' && value !== null, `expected ${what}`)

const clientShape = {
  user: text.optional(),
  database: text.optional(),
  password: z
    .union([z.string(), functionOf('a function')], 'expected a string or a function that gives one')
    .optional(),
  port: z
    .int('expected a port number')
    .min(1, 'expected a port number')
    .max(65_535, 'expected a port number')
    .optional(),
  host: text.optional(),
  keepAlive: flag.optional(),
  keepAliveInitialDelayMillis: milliseconds.optional(),
  stream: functionOf('a function that gives a stream').optional(),
  ssl: z.union([flag, objectOf('TLS options')], 'expected true, false or TLS options').optional(),
  sslnegotiation: z.enum(['postgres', 'direct']).optional(),
  enableChannelBinding: flag.optional(),
  scramMaxIterations: count.optional(),
  statement_timeout: z.union([z.literal(false), milliseconds], 'expected milliseconds or false').optional(),
  lock_timeout: milliseconds.optional(),
  query_timeout: milliseconds.optional(),
  idle_in_transaction_session_timeout: milliseconds.optional(),
  application_name: text.optional(),
  fallback_application_name: text.optional(),
  options: text.optional(),
  types: objectOf('an object with getTypeParser').optional(),
  client_encoding: z
    .string()
    .regex(/^utf-?8$/i, 'only UTF8 is possible: keys are hashed as UTF-8, as `pg` sends them')
    .optional(),
}

const node = z.preprocess(
  (value) => (typeof value === 'string' ? { url: value } : value),
  z
    .strictObject(
      {
        ...clientShape,
        url: connectionUrl.optional(),
        name: z
          .string()
          .regex(/^[\w./:-]{1,128}$/, 'a name has letters, digits and "_./:-"')
          .optional(),
        zone: text.optional(),
        tags: z.array(text).optional(),
        weight: z.number('expected a number').positive('expected more than 0').max(1_000_000).optional(),
      },
      { error: describeNode },
    )
    .refine(
      (options) => options.url !== undefined || options.host !== undefined || options.stream !== undefined,
      {
        error: 'expected a url or a host',
        when: ({ value }) => typeof value === 'object' && value !== null,
      },
    ),
)

const keyed = {
  column: text,
  group: name.optional(),
  routable: z.array(text, 'expected a column or a list of columns').optional(),
}
const isKeyPlain = ({ column, routable = [] }: { column: string; routable?: string[] | undefined }) =>
  !routable.includes(column)
const notPlain: { path: PropertyKey[]; error: string } = {
  path: ['routable'],
  error: 'the shard key itself is no routable id: its bucket is that of its hash. Name other columns',
}

const table = z.discriminatedUnion(
  'strategy',
  [
    z
      .strictObject({ strategy: z.literal('tenant'), ...keyed, guard: guard.optional() })
      .refine(isKeyPlain, notPlain),
    z.strictObject({ strategy: z.literal('entity'), ...keyed }).refine(isKeyPlain, notPlain),
    z.strictObject({
      strategy: z.literal('time'),
      column: text,
      group: name.optional(),
      every: z.enum(['hour', 'day', 'week', 'month', 'year']),
    }),
    z.strictObject({ strategy: z.literal('reference') }),
    z.strictObject({ strategy: z.literal('unsharded') }),
  ],
  'expected tenant(column), entity(column), time(column, { every }), reference() or unsharded()',
)

export const tablesSchema = z.record(
  z.string().regex(/^[^.]{1,63}(\.[^.]{1,63})?$/, 'expected "table" or "schema.table"'),
  table,
)

const shard = z.strictObject(
  { primary: node, replicas: z.array(node, 'expected a list of nodes').optional() },
  { error: (issue) => (issue.code === 'invalid_type' ? 'expected { primary, replicas? }' : undefined) },
)

const keyspaceShape = {
  shards: z
    .record(name, shard, 'expected shards by name')
    .refine((shards) => Object.keys(shards).length > 0, 'expected at least one shard'),
  tables: tablesSchema.optional(),
  home: name.optional(),
  directory: z.record(name, z.record(z.string(), name)).optional(),
  assignment: z
    .union([text, objectOf('a stored assignment')], 'expected what storeAssignment() gave')
    .optional(),
}

const settingsShape = {
  client: z.strictObject(clientShape).optional(),
  reads: z
    .strictObject({
      balance: z.enum(['round-robin', 'weighted', 'least-in-flight', 'p2c']).optional(),
      zone: text.optional(),
      // A bound shorter than the round trips that measure it would be met by no replica.
      maxLagMs: milliseconds.min(10, 'expected at least 10').optional(),
    })
    .optional(),
  consistency: z.enum(['eventual', 'session', 'strong']).optional(),
  pool: z
    .strictObject({
      max: count.optional(),
      min: countOrNone.optional(),
      idleTimeoutMs: milliseconds.optional(),
      connectTimeoutMs: milliseconds.optional(),
      acquireTimeoutMs: milliseconds.optional(),
      maxWaiting: countOrNone.optional(),
      maxUses: count.optional(),
      maxLifetimeMs: milliseconds.optional(),
      allowExitOnIdle: flag.optional(),
      multiplex: z
        .union([flag, z.strictObject({ depth: count.optional() })], 'expected true, false or { depth }')
        .optional(),
    })
    .refine((pool) => (pool.min ?? 0) <= (pool.max ?? 10), { path: ['min'], error: 'expected at most `max`' })
    .optional(),
  prepare: z
    .preprocess(
      (value) => (typeof value === 'boolean' ? { enabled: value } : value),
      z.strictObject({ enabled: flag.optional(), max: count.optional() }),
    )
    .optional(),
  planCache: z.strictObject({ max: count.optional() }).optional(),
  start: z.strictObject({ deadlineMs: count.optional() }).optional(),
  guard: guard.optional(),
  searchPath: z.array(text).min(1, 'expected at least one schema').optional(),
  functions: z
    .record(z.string().regex(/^[^.]+\.[^.]+$/, 'expected "schema.function"'), z.literal('shard-local'))
    .optional(),
}

export const shortClusterSchema = z.strictObject({ ...settingsShape, ...keyspaceShape })

export const clusterSchema = z.strictObject({
  ...settingsShape,
  keyspaces: z
    .record(name, z.strictObject(keyspaceShape), 'expected keyspaces by name')
    .refine((keyspaces) => Object.keys(keyspaces).length > 0, 'expected at least one keyspace'),
})

export type ClusterShape = z.infer<typeof clusterSchema>
export type KeyspaceShape = ClusterShape['keyspaces'][string]
export type NodeShape = z.infer<typeof node>
export type TableShape = z.infer<typeof table>

function describeNode(issue: { readonly code?: string; readonly input?: unknown }): string | undefined {
  if (issue.code !== 'invalid_type') return undefined
  return issue.input === undefined
    ? 'expected a connection string or an object with url or host, and found nothing. Is the environment variable set?'
    : 'expected a connection string or an object with url or host'
}
