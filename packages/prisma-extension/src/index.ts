export { prismaAdapter, type PrismaAdapter } from './adapter.ts'
export type { PrismaAdapterOptions } from './adapter-options.ts'
export {
  shardline,
  type ShardlineClientMethods,
  type ShardlineExtension,
  type ShardlineOptions,
} from './extension.ts'
export type { ModelMap, MappedModel } from './model-map.ts'
export type { ModelsOf } from './models.ts'
export type { ShardKey } from './shard-of-key.ts'
export { migrateDeploy, type MigrateOptions, type ShardMigrations } from './migrate/migrate-deploy.ts'
export { resolveMigration, type ResolveOptions } from './migrate/resolve-migration.ts'
