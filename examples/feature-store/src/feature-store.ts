import { sql, type Kysely, type Selectable } from 'kysely'
import type { Database } from './tables.ts'

// The application. Nothing in this file knows that there are shards or replicas.

type Db = Kysely<Database>
export type RouteFeatures = Selectable<Database['route_features']>

/** Offline: the delay features of every route, out of the flights. */
export function computeRouteFeatures(db: Db) {
  return db
    .selectFrom('flights')
    .select((e) => [
      'origin',
      'destination',
      e.fn.countAll<string>().as('flights'),
      e.fn.avg<string>('delay_minutes').as('mean_delay'),
      e.fn.max('delay_minutes').as('worst_delay'),
      sql<string>`count(*) filter (where delay_minutes > 15)`.as('late'),
    ])
    .groupBy(['origin', 'destination'])
    .orderBy('origin')
    .orderBy('destination')
    .execute()
}

/** Online: writes features, replacing those of the same routes. */
export async function upsertRouteFeatures(db: Db, features: readonly RouteFeatures[]): Promise<bigint> {
  let written = 0n
  for (let at = 0; at < features.length; at += 500) {
    const rows = features
      .slice(at, at + 500)
      .map((row) => ({ ...row, refreshed_at: row.refreshed_at.toISOString() }))
    const result = await db
      .insertInto('route_features')
      .values(rows)
      .onConflict((conflict) =>
        conflict.column('route').doUpdateSet((e) => ({
          flights: e.ref('excluded.flights'),
          mean_delay: e.ref('excluded.mean_delay'),
          worst_delay: e.ref('excluded.worst_delay'),
          late_share: e.ref('excluded.late_share'),
          refreshed_at: e.ref('excluded.refreshed_at'),
        })),
      )
      .executeTakeFirst()
    written += result.numInsertedOrUpdatedRows ?? 0n
  }
  return written
}

export function readFeatures(db: Db, route: string) {
  return db.selectFrom('route_features').selectAll().where('route', '=', route).execute()
}

export function readFeaturesOfRoutes(db: Db, routes: readonly string[]) {
  return db
    .selectFrom('route_features')
    .select(['route', 'flights', 'mean_delay', 'worst_delay'])
    .where('route', 'in', routes)
    .orderBy('route')
    .execute()
}

/** What an airport sees of itself: where its departures are late. */
export function readDashboard(db: Db, origin: string) {
  return db
    .selectFrom('flights')
    .innerJoin('airports', 'airports.iata', 'flights.destination')
    .select((e) => [
      'airports.city',
      e.fn.countAll<string>().as('flights'),
      sql<string>`round(avg(flights.delay_minutes), 1)`.as('mean_delay'),
      e.fn.max('flights.delay_minutes').as('worst'),
    ])
    .where('flights.origin', '=', origin)
    .groupBy('airports.city')
    .having((e) => e.fn.countAll(), '>=', 10)
    .orderBy('mean_delay', 'desc')
    .orderBy('airports.city')
    .limit(5)
    .execute()
}

/** The most delayed flights of all, with the names of both ends. */
export function readWorstFlights(db: Db, count: number) {
  return db
    .selectFrom('flights')
    .innerJoin('airports as departure', 'departure.iata', 'flights.origin')
    .innerJoin('airports as arrival', 'arrival.iata', 'flights.destination')
    .select(['departure.city as from', 'arrival.city as to', 'flights.departs_at', 'flights.delay_minutes'])
    .orderBy('flights.delay_minutes', 'desc')
    .orderBy('flights.id')
    .limit(count)
    .execute()
}

export function readTotals(db: Db) {
  return db
    .selectFrom('flights')
    .select((e) => [
      e.fn.countAll<string>().as('flights'),
      e.fn.avg<string>('delay_minutes').as('mean_delay'),
      e.fn.min('delay_minutes').as('earliest'),
      e.fn.max('delay_minutes').as('latest'),
      e.fn.sum<string>('distance_miles').as('miles'),
    ])
    .execute()
}

/** The states whose airports depart latest on average; the groups cut across all shards. */
export function readLatestStates(db: Db) {
  return db
    .selectFrom('flights')
    .innerJoin('airports', 'airports.iata', 'flights.origin')
    .select((e) => [
      'airports.state',
      e.fn.countAll<string>().as('flights'),
      e.fn.avg<string>('delay_minutes').as('mean_delay'),
    ])
    .groupBy('airports.state')
    .having((e) => e.fn.countAll(), '>', 500)
    .orderBy('mean_delay', 'desc')
    .orderBy('airports.state')
    .limit(5)
    .execute()
}

export function readWeather(db: Db, from: string, to: string) {
  return db
    .selectFrom('readings')
    .select(['recorded_on', 'station', 'temperature_max', 'precipitation', 'weather'])
    .where('recorded_on', '>=', from as never)
    .where('recorded_on', '<', to as never)
    .orderBy('recorded_on')
    .orderBy('station')
    .execute()
}

/** Training reads everything once, in a fixed order. */
export function readTrainingSet(db: Db) {
  return db.selectFrom('route_features').selectAll().orderBy('route').execute()
}

/** Two corrections of one airport's flights; the second one is thought better of. */
export async function correctFlights(db: Db, origin: string) {
  const trx = await db.startTransaction().execute()
  try {
    const worst = await trx
      .selectFrom('flights')
      .select(['id', 'delay_minutes'])
      .where('origin', '=', origin)
      .orderBy('delay_minutes', 'desc')
      .orderBy('id')
      .limit(1)
      .executeTakeFirstOrThrow()
    await trx
      .updateTable('flights')
      .set({ delay_minutes: 99 })
      .where('origin', '=', origin)
      .where('id', '=', worst.id)
      .execute()
    const saved = await trx.savepoint('before_delete').execute()
    await saved.deleteFrom('flights').where('origin', '=', origin).execute()
    const back = await saved.rollbackToSavepoint('before_delete').execute()
    await back.commit().execute()
    return await db
      .selectFrom('flights')
      .select((e) => [e.fn.countAll<string>().as('flights'), e.fn.max('delay_minutes').as('worst_now')])
      .where('origin', '=', origin)
      .execute()
  } catch (error) {
    if (!trx.isCommitted && !trx.isRolledBack) await trx.rollback().execute()
    throw error
  }
}

/** What an application that has outgrown one server must not do: one transaction over the flights of two airports. */
export function moveFlight(db: Db, from: string, to: string) {
  return db.transaction().execute(async (trx) => {
    await trx.updateTable('flights').set({ delay_minutes: 0 }).where('origin', '=', from).execute()
    await trx.updateTable('flights').set({ delay_minutes: 0 }).where('origin', '=', to).execute()
  })
}

/** A write that names no airport at all. */
export function forgiveEverything(db: Db) {
  return db.updateTable('flights').set({ delay_minutes: 0 }).execute()
}
