import { randomUUID } from 'node:crypto'
import type { RoutedClient } from '@shardline/core'
import type { Migration } from './migration-folder.ts'

/** A row of Prisma's book, `_prisma_migrations`. */
export interface Entry {
  readonly id: string
  readonly name: string
  readonly checksum: string
  /** `stopped`: begun and never finished; a human has to say what became of it. */
  readonly state: 'applied' | 'stopped' | 'rolled-back'
}

/**
 * The book that Prisma keeps in each database of the migrations that ran there, with the columns that Prisma gives it:
 * `prisma migrate deploy`, `resolve` and `status` go on where this stopped, and the reverse.
 */
export class MigrationBook {
  readonly #client: RoutedClient
  readonly #table: string

  private constructor(client: RoutedClient, schema: string) {
    this.#client = client
    // A script may change the search path, so the name is always qualified.
    this.#table = `${client.escapeIdentifier(schema)}."_prisma_migrations"`
  }

  /** The book in the first schema of the search path, where Prisma looks as well; it need not be there yet. */
  static async of(client: RoutedClient): Promise<MigrationBook> {
    const { rows } = await client.query<{ schema: string | null }>('select current_schema() as schema')
    return new MigrationBook(client, rows[0]?.schema ?? 'public')
  }

  async exists(): Promise<boolean> {
    const { rows } = await this.#client.query<{ found: boolean }>(
      'select to_regclass($1) is not null as found',
      [this.#table],
    )
    return rows[0]?.found === true
  }

  /** True when the schema of the book has tables: a database that was made without migrations. */
  async hasOtherTables(): Promise<boolean> {
    const { rows } = await this.#client.query<{ found: boolean }>(
      `select exists (
         select from pg_catalog.pg_class
         where relnamespace = (select oid from pg_catalog.pg_namespace where nspname = current_schema())
           and relkind in ('r', 'p')
           and relname not in ('_prisma_migrations', 'spatial_ref_sys')
       ) as found`,
    )
    return rows[0]?.found === true
  }

  async create(): Promise<void> {
    await this.#client.query(`create table if not exists ${this.#table} (
      id                  varchar(36) primary key not null,
      checksum            varchar(64) not null,
      finished_at         timestamptz,
      migration_name      varchar(255) not null,
      logs                text,
      rolled_back_at      timestamptz,
      started_at          timestamptz not null default now(),
      applied_steps_count integer not null default 0
    )`)
  }

  async entries(): Promise<readonly Entry[]> {
    const { rows } = await this.#client.query<Entry>(
      `select id, migration_name as name, checksum,
         case when rolled_back_at is not null then 'rolled-back' when finished_at is null then 'stopped' else 'applied' end as state
       from ${this.#table} order by started_at, id`,
    )
    return rows
  }

  /** Writes that a migration has begun, and gives the entry's id. */
  async begin({ name, checksum }: Migration): Promise<string> {
    const id = randomUUID()
    await this.#client.query(
      `insert into ${this.#table} (id, checksum, started_at, migration_name) values ($1, $2, clock_timestamp(), $3)`,
      [id, checksum, name],
    )
    return id
  }

  /** False when there is no such entry: what was written with it has been rolled back. */
  async finish(id: string): Promise<boolean> {
    const { rowCount } = await this.#client.query(
      `update ${this.#table} set finished_at = clock_timestamp(), applied_steps_count = applied_steps_count + 1 where id = $1`,
      [id],
    )
    return rowCount === 1
  }

  /** Keeps what PostgreSQL said where the other facts about the migration are, and gives what the entry says then. */
  async fail(id: string, logs: string): Promise<Entry['state'] | 'gone'> {
    await this.#client.query(`update ${this.#table} set logs = $2 where id = $1 and finished_at is null`, [
      id,
      logs,
    ])
    return (await this.entries()).find((entry) => entry.id === id)?.state ?? 'gone'
  }

  async markRolledBack(id: string): Promise<void> {
    await this.#client.query(`update ${this.#table} set rolled_back_at = clock_timestamp() where id = $1`, [
      id,
    ])
  }

  /** Keeps a failed attempt of which nothing else is left. */
  async noteRolledBack({ name, checksum }: Migration, logs: string): Promise<void> {
    await this.#client.query(
      `insert into ${this.#table} (id, checksum, logs, started_at, rolled_back_at, migration_name)
       values ($1, $2, $3, clock_timestamp(), clock_timestamp(), $4)`,
      [randomUUID(), checksum, logs, name],
    )
  }

  /** Writes that a migration is applied, without having run it here. */
  async markApplied({ name, checksum }: Migration): Promise<void> {
    await this.#client.query(
      `insert into ${this.#table} (id, checksum, logs, started_at, finished_at, migration_name)
       values ($1, $2, '', clock_timestamp(), clock_timestamp(), $3)`,
      [randomUUID(), checksum, name],
    )
  }
}
