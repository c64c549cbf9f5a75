import { readFileSync } from 'node:fs'
import { csvParse } from 'd3-dsv'
import type { Insertable } from 'kysely'
import type { Database } from './tables.ts'

const folder = new URL('../data/', import.meta.resolve('vega-datasets'))
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8')

/** Every airport of the United States that the flights may name. */
export function readAirports(): Insertable<Database['airports']>[] {
  return csvParse(read('airports.csv'), (row) => ({
    iata: row['iata'] ?? '',
    name: row['name'] ?? '',
    city: row['city'] || null,
    state: row['state'] || null,
    country: row['country'] ?? '',
    latitude: row['latitude'] ?? '',
    longitude: row['longitude'] ?? '',
  }))
}

interface FlightRecord {
  readonly date: string
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

/** 20,000 flights of the first quarter of 2001, as the Bureau of Transportation Statistics recorded them. */
export function readFlights(): Insertable<Database['flights']>[] {
  const records = JSON.parse(read('flights-20k.json')) as FlightRecord[]
  return records.map(({ date, delay, distance, origin, destination }, index) => ({
    origin,
    id: index + 1,
    destination,
    departs_at: date.replaceAll('/', '-'),
    delay_minutes: delay,
    distance_miles: distance,
  }))
}

/** The weather of Seattle and New York, day by day over four years. */
export function readReadings(): Insertable<Database['readings']>[] {
  return csvParse(read('weather.csv'), (row) => ({
    recorded_on: row['date'] ?? '',
    station: row['location'] ?? '',
    temperature_max: row['temp_max'] ?? '',
    temperature_min: row['temp_min'] ?? '',
    precipitation: row['precipitation'] ?? '',
    weather: row['weather'] ?? '',
  }))
}
