import type { PgTable } from 'drizzle-orm/pg-core'
import type { NodePgDatabase, drizzle as connect } from 'drizzle-orm/node-postgres'
import type { RouteContext, RoutedPool } from '@shardline/core'
import type { ModelOf } from './sharded.ts'

/** What Drizzle's own `drizzle(client, config)` takes, in the version at hand. */
type DriverConfig = Extract<Parameters<typeof connect>, readonly [unknown, unknown]>[1]

/** True from 1.0 on, where relations are defined apart from the tables. */
type HasRelations = 'relations' extends keyof DriverConfig ? true : false

/** What a database is typed by: the schema in 0.45, the relations in 1.0. */
export type AnyModel = HasRelations extends true
  ? NonNullable<DriverConfig['relations' & keyof DriverConfig]>
  : NonNullable<DriverConfig['schema' & keyof DriverConfig]>

// oxlint-disable-next-line typescript/no-empty-object-type -- Drizzle's own types for "none"
export type NoModel = HasRelations extends true ? {} : Record<string, never>

/** Options of Drizzle's own that pass unchanged: `logger`, `casing` (0.45), `jit` and others (1.0). */
type DriverOptions = Omit<DriverConfig, 'schema' | 'relations'>

type Models<Model, Schema> = HasRelations extends true
  ? {
      /** Drizzle's relations, for `db.query`. Their tables may be `sharded`. */
      readonly relations?: Model
      /** Objects with `sharded` tables that the relations do not have: `import * as schema from './schema.js'`. */
      readonly schema?: Schema
    }
  : {
      /** Tables and relations, as Drizzle takes them: `import * as schema from './schema.js'`. */
      readonly schema?: Model
    }

/** The tables of the model and of the schema by their keys. */
type TablesIn<Model, Schema> = HasRelations extends true
  ? Schema & {
      [Key in keyof Model]: Model[Key] extends { readonly table: infer Table } ? Table : never
    }
  : Model

/** For each table of the schema, by its key there, where its rows live. */
export type TableModels<Tables> = string extends keyof Tables
  ? NoTables
  : [keyof Tables] extends [never]
    ? NoTables
    : { readonly [Key in TableKeys<Tables>]?: Tables[Key] extends PgTable ? ModelOf<Tables[Key]> : never }

type TableKeys<Tables> = keyof {
  [Key in keyof Tables & string as Tables[Key] extends PgTable ? Key : never]: true
} &
  keyof Tables

interface NoTables {
  readonly 'hand the tables over as well: drizzle(router, { schema, tables })': never
}

/** What `drizzle(router, …)` takes: Drizzle's own options, and `tables` for models that are not annotated. */
export type DrizzleOptions<Model, Schema> = DriverOptions &
  Models<Model, Schema> & {
    /** Instead of `sharded()`: `tables: { orders: tenant('tenantId') }`, by the keys of the schema. */
    readonly tables?: TableModels<NoInfer<TablesIn<Model, Schema>>>
  }

/** Drizzle's own database over the router's pool. */
export type ShardlineDatabase<Model extends AnyModel = NoModel> = NodePgDatabase<Model> & {
  readonly $client: RoutedPool
} & Nodes<Model>

/** The same database on chosen servers, as `withReplicas` names them. */
interface Nodes<Model extends AnyModel> {
  /** All statements on primaries. */
  readonly $primary: DatabaseOn<Model>
  /** All statements on replicas; one that needs a primary is refused with CONTEXT_CONFLICT. */
  readonly $replica: DatabaseOn<Model>
  /** `[$replica]`: which of a shard's replicas answers is the router's choice. */
  readonly $replicas: readonly [DatabaseOn<Model>]
  /**
   * The same database with a context on all of its statements: `db.$context({ workload: 'training' })`. It is laid over the
   * one of `router.run`, and costs as much as `drizzle()`: keep it.
   */
  $context(context: RouteContext): DatabaseOn<Model>
}

type DatabaseOn<Model extends AnyModel> = NodePgDatabase<Model> & { readonly $client: RoutedPool }
