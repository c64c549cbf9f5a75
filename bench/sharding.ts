import { createAssignment } from '../packages/core/src/sharding/assignment.ts'
import { createShardMap } from '../packages/core/src/sharding/shard-map.ts'
import { MappedKeys } from '../packages/core/src/sharding/key-resolver.ts'
import type { KeyedPlacement } from '../packages/core/src/statement/catalog.ts'
import type { KeyType } from '../packages/core/src/statement/key-type.ts'
import { spread } from './spread.ts'
import type { BenchOptions } from './options.ts'
import type { Figure } from './report.ts'

const times = 200_000

/** From a parameter value to the name of its shard, as routing asks for it. */
export async function shardingFigures({ rounds }: BenchOptions): Promise<readonly Figure[]> {
  const map = createShardMap('keys', createAssignment(Array.from({ length: 16 }, (_, n) => `s${n}`)))
  const keys = new MappedKeys(new Map([['keys', map]]), { timeZone: 'UTC' })
  const measure = (keyType: KeyType, make: (n: number) => unknown): ReturnType<typeof spread> => {
    const placement: KeyedPlacement = {
      strategy: 'entity',
      group: 'keys',
      keyColumn: 'id',
      keyType,
      isGuarded: false,
    }
    const set = { kind: 'values', values: [{ source: 'parameter', number: 1, type: keyType }] } as const
    const values = Array.from({ length: 1024 }, (_, n) => [make(n)])
    const nanos: number[] = []
    for (let round = -3; round < rounds; round += 1) {
      const start = process.hrtime.bigint()
      for (let n = 0; n < times; n += 1) keys.resolve(placement, set, values[n & 1023] as unknown[])
      if (round >= 0) nanos.push(Number(process.hrtime.bigint() - start) / times)
    }
    return spread(nanos)
  }
  const hex = (n: number, width: number): string => n.toString(16).padStart(width, '0')
  return [
    {
      what: 'key → shard, bigint key as number',
      value: measure('int8', (n) => n * 7919),
      unit: 'ns',
      target: { relation: '≤', value: 100 },
    },
    {
      what: 'key → shard, bigint key as string',
      value: measure('int8', (n) => String(n * 7_919_000_001)),
      unit: 'ns',
      target: { relation: '≤', value: 100 },
    },
    {
      what: 'key → shard, bigint key as bigint',
      value: measure('int8', (n) => BigInt(n) * 7_919_000_000_001n),
      unit: 'ns',
      target: { relation: '≤', value: 100 },
    },
    {
      what: 'key → shard, uuid',
      value: measure('uuid', (n) => `${hex(n * 104_729, 8)}-0000-4000-8000-${hex(n, 12)}`),
      unit: 'ns',
      target: { relation: '≤', value: 250 },
    },
    {
      what: 'key → shard, short text',
      value: measure('text', (n) => `customer-${n}`),
      unit: 'ns',
      target: undefined,
    },
  ]
}
