export {
  createRouter,
  type EachShardOptions,
  type Router,
  type RouterOptions,
  type ShardHandle,
} from './router.ts'
export { defineCluster } from './config/define-cluster.ts'
export {
  entity,
  reference,
  tenant,
  time,
  unsharded,
  type EntityOptions,
  type EntityTable,
  type GroupOptions,
  type Guard,
  type ReferenceTable,
  type RoutableOptions,
  type TableDescription,
  type TenantOptions,
  type TenantTable,
  type TimeOptions,
  type TimeTable,
  type UnshardedTable,
} from './config/table-description.ts'
export type {
  ClusterConfig,
  KeyedTableConfig,
  KeyspaceConfig,
  NodeConfig,
  PoolConfig,
  ShardConfig,
  TableConfig,
} from './config/cluster-config.ts'
export type {
  ClientOptions,
  ClusterInput,
  ClusterSettings,
  KeyspaceInput,
  NodeInput,
  NodeOptions,
  ShardInput,
} from './config/cluster-input.ts'
export type { IdTarget } from './ids/id-target.ts'
export type { InstallReport } from './ids/install.ts'
export type { Balance } from './selection/balance.ts'
export type { NodeDescription } from './topology/topology.ts'
export * from './errors.ts'
export {
  createAssignment,
  moves,
  reassign,
  type Assignment,
  type BucketMove,
  type PinnedKey,
} from './sharding/assignment.ts'
export { loadAssignment, storeAssignment, type StoredAssignment } from './sharding/assignment-json.ts'
export type { Period } from './sharding/period.ts'
export { constraintName as routableConstraint } from './sharding/routable-sql.ts'
export { analyse } from './statement/analyse.ts'
export { loadParser } from './statement/parser.ts'
export {
  emptyCatalog,
  type Catalog,
  type Collation,
  type Column,
  type ForeignKey,
  type FunctionFacts,
  type KeyedPlacement,
  type Relation,
  type RoutableColumn,
  type RelationKind,
  type TablePlacement,
  type TypeFacts,
  type Volatility,
} from './statement/catalog.ts'
export type { KeyType } from './statement/key-type.ts'
export type { KeySet, KeyValue } from './statement/key-set.ts'
export type { MergePlan } from './statement/merge-plan.ts'
export type {
  Hints,
  Pin,
  Placement,
  PlacementPart,
  Refusal,
  Role,
  RoleReason,
  Scatter,
  Statement,
  StatementKind,
  TableUse,
  TransactionCommand,
  TransactionModes,
} from './statement/statement.ts'
export type { RouteContext, Consistency } from './routing/context.ts'
export type {
  MergeRoute,
  PlacementReason,
  Route,
  SingleRoute,
  SplitRoute,
  WriteAllRoute,
} from './routing/route.ts'
export type { Explanation } from './routing/explain.ts'
export type { CatalogNotice } from './catalog/notices.ts'
export type { Counters, NodeCounters, RouteCounters } from './telemetry/counters.ts'
export type { StatementFacts } from './telemetry/statement-facts.ts'
export type { ReachedNode, StatementTrace } from './telemetry/statement-trace.ts'
export type { PgModule } from './pool/pg-module.ts'
export type { RoutedClient, RoutedPool } from './pool-facade/routed-pool.ts'
export type { StreamOptions } from './pool-facade/streaming.ts'
export { contextKey } from './pool-facade/request.ts'
