import type { SessionSettings, ShardCatalog } from './shard-catalog.ts'

/**
 * What makes servers unfit to be merged with each other: results are compared as wire text, and keys are hashed as
 * UTF-8. Settings that only a merge depends on do not matter to one shard.
 */
export function serverDifferences(perShard: ReadonlyMap<string, ShardCatalog>): readonly string[] {
  const differences: string[] = []
  const identities = new Map<string, string>()
  const [first] = perShard
  for (const [shard, { settings }] of perShard) {
    const where = `shard "${shard}"`
    if (settings.standardConformingStrings !== 'on') {
      differences.push(
        `${where}: standard_conforming_strings is off; the parser reads strings as if it were on`,
      )
    }
    if (settings.encoding !== 'UTF8') {
      differences.push(
        `${where}: the database's encoding is ${settings.encoding}, but text keys are hashed as UTF8`,
      )
    }
    const twin = identities.get(settings.identity)
    if (twin !== undefined)
      differences.push(`shards "${twin}" and "${shard}" lead to the same database of the same server`)
    identities.set(settings.identity, shard)
    if (perShard.size > 1) {
      for (const [setting, isFit, wanted] of mergeSettings(settings)) {
        if (!isFit)
          differences.push(`${where}: ${setting} must be ${wanted}, so that results of shards can be merged`)
      }
      if (first !== undefined) differences.push(...disagreements(first, [shard, settings]))
    }
  }
  return differences
}

function mergeSettings(settings: SessionSettings): readonly (readonly [string, boolean, string])[] {
  return [
    ['DateStyle', settings.dateStyle.startsWith('ISO'), 'ISO'],
    ['IntervalStyle', settings.intervalStyle === 'postgres', 'postgres'],
    ['bytea_output', settings.byteaOutput === 'hex', 'hex'],
    ['extra_float_digits', settings.extraFloatDigits > 0, 'at least 1'],
  ]
}

/** Names must mean the same everywhere, and texts must sort alike. */
function disagreements(
  [firstShard, { settings: first }]: readonly [string, ShardCatalog],
  [shard, settings]: readonly [string, SessionSettings],
): readonly string[] {
  const differences: string[] = []
  const compare = (what: string, a: unknown, b: unknown): void => {
    if (JSON.stringify(a) !== JSON.stringify(b))
      differences.push(`${what} differ between shards "${firstShard}" and "${shard}"`)
  }
  compare('search paths', first.searchPath, settings.searchPath)
  compare('default collations', first.collation, settings.collation)
  return differences
}
