import type { ColumnType } from 'kysely'

/** PostgreSQL's numeric comes as text, so that no digit is lost. */
type Numeric = ColumnType<string, string | number>

interface Airport {
  iata: string
  name: string
  city: string | null
  state: string | null
  country: string
  latitude: Numeric
  longitude: Numeric
}

interface Flight {
  origin: string
  id: number
  destination: string
  departs_at: ColumnType<Date, string>
  delay_minutes: number
  distance_miles: number
}

interface RouteFeatures {
  /** `LAX-PHX` */
  route: string
  flights: number
  mean_delay: Numeric
  worst_delay: number
  late_share: Numeric
  refreshed_at: ColumnType<Date, string>
}

interface Reading {
  recorded_on: ColumnType<Date, string, string>
  station: string
  temperature_max: Numeric
  temperature_min: Numeric
  precipitation: Numeric
  weather: string
}

export interface Database {
  airports: Airport
  flights: Flight
  route_features: RouteFeatures
  readings: Reading
}
