import type { Catalog, Collation, Column, Relation } from '../../src/statement/catalog.ts'
import { emptyCatalog } from '../../src/statement/catalog.ts'
import type { DistributionProof } from '../../src/statement/distribution.ts'
import { columnOf } from '../../src/statement/tree.ts'

/** A table with a column of every kind that matters to merging, as the catalog tells it. */
const defaultCollation: Collation = { name: 'default', isCodePoint: true, isDeterministic: true }
const swedish: Collation = { name: 'sv-x-icu', isCodePoint: false, isDeterministic: true }

interface ColumnKind {
  readonly name: string
  readonly sql: string
  readonly values: readonly (string | null)[]
  readonly collation?: Collation
  readonly isSummable?: boolean
  readonly isOrderable?: boolean
}

/** Few distinct values, so that ties, duplicates and equal values of different spelling are common. */
export const columns: readonly ColumnKind[] = [
  { name: 'id', sql: 'int8', values: [] },
  { name: 'k', sql: 'int4', values: [] },
  { name: 'i2', sql: 'int2', values: ['1', '2', '-32768', '32767', '10', null], isSummable: true },
  { name: 'i4', sql: 'int4', values: ['0', '1', '2', '-7', '2147483647', '100000', null], isSummable: true },
  {
    name: 'i8',
    sql: 'int8',
    values: [
      '1',
      '9007199254740993',
      '9007199254740992',
      '-9223372036854775808',
      '9223372036854775807',
      null,
    ],
    isSummable: true,
  },
  {
    name: 'num',
    sql: 'numeric',
    values: ['1', '1.0', '1.00', '0.333', '-2.5', '1e-12', '12345678901234567890.5', null],
    isSummable: true,
  },
  { name: 'odd', sql: 'numeric', values: ['1', 'NaN', 'Infinity', '-Infinity', '0', null], isSummable: true },
  { name: 'f4', sql: 'float4', values: ['0', '-0', '1.5', '-2.25', '1024', null], isSummable: true },
  {
    name: 'f8',
    sql: 'float8',
    values: ['0', '-0', '0.5', '-3.75', '1048576', 'NaN', null],
    isSummable: true,
  },
  { name: 'b', sql: 'bool', values: ['t', 'f', null] },
  {
    name: 'txt',
    sql: 'text',
    collation: defaultCollation,
    values: ['', 'a', 'B', 'b', 'A', 'é', '\u{e000}', '\u{1f600}', 'zz', 'a b', null],
  },
  {
    name: 'swe',
    sql: 'text collate "sv-x-icu"',
    collation: swedish,
    values: ['a', 'ö', 'z', 'å', 'Z', 'o', 'co-op', 'coop', null],
  },
  { name: 'vc', sql: 'varchar(9)', collation: defaultCollation, values: ['x', 'X', 'xy', '', null] },
  { name: 'bp', sql: 'char(4)', collation: defaultCollation, values: ['a', 'ab', 'a!', 'B', null] },
  {
    name: 'bps',
    sql: 'char(4) collate "sv-x-icu"',
    collation: swedish,
    values: ['a', 'ö', 'åb', 'ab', 'Z', null],
  },
  {
    name: 'ta',
    sql: 'text[]',
    collation: defaultCollation,
    values: ['{a,b}', '{}', '{a}', '{B}', '{NULL}', '{é}', null],
  },
  { name: 'vb', sql: 'bit varying[]', values: ['{101}', '{1}', '{10}', null] },
  {
    name: 'd',
    sql: 'date',
    values: ['2024-02-29', '0044-03-15 BC', 'infinity', '1999-12-31', '10000-01-01', null],
  },
  {
    name: 'ts',
    sql: 'timestamp',
    values: [
      '2024-02-29 10:00:00.000001',
      '2024-02-29 10:00:00',
      '0044-03-15 00:00:00 BC',
      '-infinity',
      null,
    ],
  },
  {
    name: 'tz',
    sql: 'timestamptz',
    values: [
      '2024-10-27 00:30:00+00',
      '2024-10-27 01:30:00+00',
      '1880-01-01 00:00:00+00',
      'infinity',
      '2024-10-27 02:30:00.5+00',
      null,
    ],
  },
  { name: 'tm', sql: 'time', values: ['00:00', '24:00', '10:00:00.5', '10:00', null] },
  { name: 'ttz', sql: 'timetz', values: ['12:00+02', '10:00+00', '11:00+01', '10:30-03:30', null] },
  {
    name: 'iv',
    sql: 'interval',
    values: ['1 mon', '30 days', '720 hours', '-1 day', '1 year -3 days 00:00:01.5', '24:00', '1 day', null],
    isSummable: true,
  },
  {
    name: 'u',
    sql: 'uuid',
    values: [
      '00000000-0000-0000-0000-000000000001',
      'ffffffff-0000-4000-8000-000000000000',
      'a0000000-0000-4000-8000-000000000000',
      null,
    ],
  },
  { name: 'by', sql: 'bytea', values: ['\\x', '\\x00', '\\xff', '\\x0001', null] },
  { name: 'e', sql: 'mood', values: ['sad', 'ok', 'happy', null] },
  {
    name: 'j',
    sql: 'jsonb',
    values: ['1', '1.0', '"a"', '{"a": 1}', '{"b": 1}', '[1, 2]', '{}', 'null', null],
  },
  { name: 'ip', sql: 'inet', values: ['10.0.0.1', '9.0.0.1', '10.0.0.0/8', '::1', null] },
  { name: 'arr', sql: 'numeric[]', values: ['{1,2}', '{1.0,2}', '{10}', '{9}', '{}', '{NULL}', null] },
]

const relation: Relation = {
  schema: 'whole',
  name: 't',
  kind: 'table',
  columns: columns.map(({ name, sql, collation }): Column => ({
    name,
    type: sql,
    notNull: name === 'id' || name === 'k',
    hasDefault: false,
    isGenerated: false,
    ...(collation === undefined ? {} : { collation }),
  })),
  placement: { strategy: 'tenant', group: 'tenant', keyColumn: 'k', keyType: 'int4', isGuarded: false },
  keyspace: 'main',
  uniqueKeys: [['id']],
  foreignKeys: [],
  hasTriggers: false,
}

export const catalog: Catalog = {
  ...emptyCatalog,
  isSharded: true,
  searchPath: ['pg_catalog', 'whole', 'public'],
  relations: new Map([['whole.t', relation]]),
  types: new Map([['public.mood', { kind: 'enum', labels: ['sad', 'ok', 'happy'] }]]),
  defaultCollation,
}

/** What the distribution proof says of `select … from t`. */
export function proofOf(facts: {
  readonly isGroupedByKey: boolean
  readonly isDistinctByKey: boolean
}): DistributionProof {
  return {
    ...facts,
    outputs: relation.columns.map((column) => ({
      name: column.name,
      relation,
      column,
      isShardKey: column.name === 'k',
    })),
    resolveColumn(node) {
      const parts = columnOf(node)?.parts ?? []
      const column = relation.columns.find((candidate) => candidate.name === parts.at(-1))
      const isMine = parts.length === 1 || (parts.length === 2 && parts[0] === 't')
      return column === undefined || !isMine ? undefined : { relation, column }
    },
  }
}
