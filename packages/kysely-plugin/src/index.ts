export { shardlinePlugin, type ShardlinePlugin, type ShardlinePluginOptions } from './plugin.ts'
export type { ShardlineDialectOptions } from './dialect-options.ts'
export type { ShardlineDialect } from './dialect.ts'
export type { KeyColumnOf, RoutableColumnOf, TablesOf, TimeColumnOf } from './tables.ts'
