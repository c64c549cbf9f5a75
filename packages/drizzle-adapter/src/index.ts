export { drizzle } from './drizzle.ts'
export { sharded, type ModelOf } from './sharded.ts'
export {
  entity,
  tenant,
  time,
  type EntityModel,
  type EntityModelOptions,
  type TableModel,
  type TenantModel,
  type TenantModelOptions,
  type TimeModel,
  type TimeModelOptions,
} from './table-model.ts'
export { reference, unsharded } from '@shardline/core'
export type { DrizzleOptions, ShardlineDatabase, TableModels } from './config.ts'
export type { KeyColumn, RoutableColumn, TimeColumn } from './column-types.ts'
