export { createRouter, type Router, type RouterOptions, type ShardHandle } from './router.ts'
export { defineCluster } from './config/define-cluster.ts'
export {
  entity,
  reference,
  tenant,
  time,
  unsharded,
  type EntityTable,
  type GroupOptions,
  type Guard,
  type ReferenceTable,
  type TableDescription,
  type TenantOptions,
  type TenantTable,
  type TimeOptions,
  type TimeTable,
  type UnshardedTable,
} from './config/table-description.ts'
export type { ClusterConfig, NodeConfig, ShardConfig } from './config/cluster-config.ts'
export type {
  ClientOptions,
  ClusterInput,
  ClusterSettings,
  KeyspaceInput,
  NodeInput,
  NodeOptions,
  ShardInput,
} from './config/cluster-input.ts'
export * from './errors.ts'
export { analyse } from './statement/analyse.ts'
export { loadParser } from './statement/parser.ts'
export { emptyCatalog, type Catalog } from './statement/catalog.ts'
export type { Statement } from './statement/statement.ts'
export type { RouteContext, Consistency } from './routing/context.ts'
export type { Route } from './routing/route.ts'
export type { Explanation } from './routing/explain.ts'
export type { CatalogNotice } from './catalog/notices.ts'
export type { Counters } from './telemetry/counters.ts'
export type { StatementTrace } from './telemetry/statement-trace.ts'
export type { PgModule } from './pool/pg-module.ts'
export type { RoutedClient, RoutedPool } from './pool-facade/routed-pool.ts'
export { contextKey } from './pool-facade/request.ts'
