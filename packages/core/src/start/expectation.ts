import type { CatalogExpectation, TableRule } from '../catalog/table-rules.ts'
import { isKeyed, type ClusterConfig, type TableConfig } from '../config/cluster-config.ts'
import { relationKey } from '../statement/catalog.ts'

/** What the servers' catalogs have to agree with. */
export function expectationOf(config: ClusterConfig): CatalogExpectation {
  return {
    keyspaces: [...config.keyspaces.values()].map((keyspace) => ({
      name: keyspace.name,
      shards: [...keyspace.shards.keys()],
      home: keyspace.home,
      tables: new Map(
        [...keyspace.tables.values()].map((table) => [relationKey(table.schema, table.name), ruleOf(table)]),
      ),
    })),
    localFunctions: new Set(config.functions.keys()),
  }
}

function ruleOf(table: TableConfig): TableRule {
  if (!isKeyed(table)) return { strategy: table.strategy }
  return {
    strategy: table.strategy,
    column: table.keyColumn,
    group: table.group,
    isGuarded: table.isGuarded,
    ...(table.every === undefined ? {} : { every: table.every }),
    ...(table.routable === undefined ? {} : { routable: table.routable }),
  }
}
