import type { EntityTable, ReferenceTable, TenantTable, TimeTable, UnshardedTable } from '@shardline/core'
import type { ModelMap } from './model-map.ts'

/** What is read of a generated client's `Prisma.TypeMap`. */
export interface AnyTypeMap {
  readonly model: Readonly<Record<string, { readonly payload: { readonly scalars: object } }>>
}

/**
 * What `shardline` takes: the map that the schema generator writes, or for each model of the client, by its name in the schema,
 * where its rows live. Fields are called as in the schema, too.
 */
export type ModelsOf<TypeMap> = ModelMap | ModelsByHand<TypeMap>

type ModelsByHand<TypeMap> = [TypeMap] extends [never]
  ? { readonly 'name the types of the client first: shardline<Prisma.TypeMap>(router, …)': never }
  : TypeMap extends AnyTypeMap
    ? {
        readonly [M in keyof TypeMap['model'] & string]?: ModelDescription<
          TypeMap['model'][M]['payload']['scalars']
        >
      }
    : { readonly 'not the types of a client: shardline<Prisma.TypeMap>(router, …)': never }

type ModelDescription<Scalars> =
  | TenantTable<KeyFieldOf<Scalars>, RoutableFieldOf<Scalars>>
  | EntityTable<KeyFieldOf<Scalars>, RoutableFieldOf<Scalars>>
  | TimeTable<TimeFieldOf<Scalars>>
  | ReferenceTable
  | UnshardedTable

/** Fields that can be a shard key: required, and a scalar. */
export type KeyFieldOf<Scalars> = FieldOf<Scalars, string | number | bigint | Date>

/** Fields that can be the key of the time strategy. */
export type TimeFieldOf<Scalars> = FieldOf<Scalars, Date>

/** Fields that can be routable: required, `BigInt` or `String @db.Uuid`. */
export type RoutableFieldOf<Scalars> = FieldOf<Scalars, bigint | string>

type FieldOf<Scalars, Scalar> = {
  [F in keyof Scalars & string]: Scalars[F] extends Scalar ? F : never
}[keyof Scalars & string]
