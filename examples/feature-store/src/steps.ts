import type { RouteContext } from '@shardline/core'
import type { Kysely } from 'kysely'
import * as store from './feature-store.ts'
import type { RouteFeatures } from './feature-store.ts'
import type { Database } from './tables.ts'

/** One thing that the application does, and what a reader should look for. */
export interface Step {
  readonly title: string
  readonly note: string
  /** What SQL alone cannot say. */
  readonly context?: RouteContext
  /** The code of the error with which the cluster must refuse it; a single PostgreSQL is then not asked. */
  readonly refusal?: string
  run(db: Kysely<Database>): Promise<unknown>
}

const refreshedAt = new Date('2001-04-01T00:00:00Z')

/** Turns the aggregates of one route into its features. */
function toFeatures(row: Awaited<ReturnType<typeof store.computeRouteFeatures>>[number]): RouteFeatures {
  return {
    route: `${row.origin}-${row.destination}`,
    flights: Number(row.flights),
    mean_delay: Number(row.mean_delay).toFixed(2),
    worst_delay: row.worst_delay,
    late_share: (Number(row.late) / Number(row.flights)).toFixed(4),
    refreshed_at: refreshedAt,
  }
}

export const steps: readonly Step[] = [
  {
    title: 'Compute delay features per route, offline',
    note: 'A group has one origin, so it is whole on one shard: the groups of both are merged in order, nothing is combined.',
    run: (db) => store.computeRouteFeatures(db),
  },
  {
    title: 'Upsert the features',
    note: 'Every row goes to the shard of its route; the rows of one statement are written atomically.',
    run: async (db) => store.upsertRouteFeatures(db, (await store.computeRouteFeatures(db)).map(toFeatures)),
  },
  {
    title: 'Online: the features of one route',
    note: 'The key is in the WHERE: one shard. Just written, so the primary answers until a replica has replayed it.',
    run: (db) => store.readFeatures(db, 'LAX-PHX'),
  },
  {
    title: 'Online: the features of several routes',
    note: 'Keys of both shards: both are asked, and the rows come back in order.',
    run: (db) => store.readFeaturesOfRoutes(db, ['ATL-ORD', 'JFK-LAX', 'LAX-PHX', 'SEA-SFO']),
  },
  {
    title: 'Dashboard of a tenant: where departures from ORD are late',
    note: 'The tenant names the shard, and airports are there too: the join, the groups and the LIMIT run in one PostgreSQL.',
    context: { tenant: 'ORD' },
    run: (db) => store.readDashboard(db, 'ORD'),
  },
  {
    title: 'The worst delays of all',
    note: 'No key: every shard sorts and stops early, the merge takes the first rows. flights.id is added out of sight to sort by.',
    run: (db) => store.readWorstFlights(db, 8),
  },
  {
    title: 'Totals over all flights',
    note: 'avg becomes sum and count on the shards and is divided once, in exact decimals.',
    run: (db) => store.readTotals(db),
  },
  {
    title: 'States whose airports depart latest',
    note: 'Groups cut across the shards: their parts are combined, and only then HAVING, ORDER BY and LIMIT.',
    run: (db) => store.readLatestStates(db),
  },
  {
    title: 'The weather of one month',
    note: 'Readings live by month, and the range is inside one: one shard.',
    run: (db) => store.readWeather(db, '2014-03-01', '2014-04-01'),
  },
  {
    title: 'The weather of a winter',
    note: 'Three periods; only the shards that hold them are asked.',
    run: (db) => store.readWeather(db, '2012-12-01', '2013-03-01'),
  },
  {
    title: 'Training scan',
    note: 'workload: training asks replicas with that tag and leaves the primaries to the online reads.',
    context: { workload: 'training', consistency: 'eventual' },
    run: (db) => store.readTrainingSet(db),
  },
  {
    title: 'A transaction with a savepoint',
    note: 'BEGIN waits for the first statement and then belongs to its shard. The DELETE is undone, the correction stays.',
    run: (db) => store.correctFlights(db, 'ATL'),
  },
  {
    title: 'Read your own write',
    note: 'The correction is there at once, whoever answers.',
    run: (db) => store.readDashboard(db, 'ATL'),
  },
  {
    title: 'One transaction over two shards',
    note: 'It would not be atomic, so it is not run at all: the first UPDATE is rolled back.',
    refusal: 'TRANSACTION_SPANS_SHARDS',
    run: (db) => store.moveFlight(db, 'ORD', 'DFW'),
  },
  {
    title: 'A write without a key',
    note: 'Right or refused: an UPDATE of everything is nothing that a feature store should do by accident.',
    refusal: 'UNPROVED_WRITE',
    run: (db) => store.forgiveEverything(db),
  },
]
