-- The same statements on every shard and on the single PostgreSQL.
create table airports (
  iata      text primary key,
  name      text not null,
  city      text,
  state     text,
  country   text not null,
  latitude  numeric not null,
  longitude numeric not null
);

create table flights (
  origin         text not null references airports,
  id             integer not null,
  destination    text not null references airports,
  departs_at     timestamp not null,
  delay_minutes  integer not null,
  distance_miles integer not null,
  primary key (origin, id)
);

create table route_features (
  route         text primary key,
  flights       integer not null,
  mean_delay    numeric(7, 2) not null,
  worst_delay   integer not null,
  late_share    numeric(5, 4) not null,
  refreshed_at  timestamptz not null
);

create table readings (
  recorded_on      date not null,
  station          text not null,
  temperature_max  numeric(4, 1) not null,
  temperature_min  numeric(4, 1) not null,
  precipitation    numeric(5, 1) not null,
  weather          text not null,
  primary key (recorded_on, station)
);
create index on readings (station, recorded_on);
