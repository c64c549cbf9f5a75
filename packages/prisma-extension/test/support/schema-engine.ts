import { readFile, readdir } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import * as engine from '@prisma/schema-engine-wasm/schema_engine_bg'
import pg from 'pg'

/**
 * Prisma's schema engine as it comes from npm: `prisma db push` and `migrate` download the same as a program, which a
 * machine without access to the internet cannot.
 */
const { SchemaEngine } = started()

const charOid: number = pg.types.builtins.CHAR
const textOid: number = pg.types.builtins.TEXT
const filters = { externalTables: [], externalEnums: [] }
const path = 'schema.prisma'

/** Brings an empty database to a schema, as `prisma db push` does. */
export async function pushSchema(url: string, schema: string): Promise<void> {
  await withEngine(url, schema, (one) =>
    one.schemaPush({ force: false, schema: { files: [{ path, content: schema }] }, filters }),
  )
}

/** The SQL that makes a database of a schema: the first migration that `prisma migrate dev` would write. */
export async function schemaSql(url: string, schema: string): Promise<string> {
  const to: engine.DiffTarget = { tag: 'schemaDatamodel', files: [{ path, content: schema }] }
  return await withEngine(url, schema, async (one) => {
    const { stdout } = await one.diff({
      from: { tag: 'empty' },
      to,
      script: true,
      exitCode: null,
      filters,
    })
    return stdout ?? ''
  })
}

/** `prisma migrate deploy`, by Prisma itself. Gives the names of the migrations that it applied. */
export async function deployByPrisma(url: string, folder: string): Promise<readonly string[]> {
  return await withEngine(url, datasource, async (one) => {
    const migrationsList = await listOf(folder)
    return (await one.applyMigrations({ migrationsList, filters })).appliedMigrationNames
  })
}

/** What `prisma migrate status` goes by. */
export async function diagnoseByPrisma(
  url: string,
  folder: string,
): Promise<{
  readonly failed: readonly string[]
  readonly edited: readonly string[]
  readonly hasBook: boolean
}> {
  return await withEngine(url, datasource, async (one) => {
    const migrationsList = await listOf(folder)
    const found = await one.diagnoseMigrationHistory({
      migrationsList,
      optInToShadowDatabase: false,
      filters,
    })
    return {
      failed: found.failedMigrationNames,
      edited: found.editedMigrationNames,
      hasBook: found.hasMigrationsTable,
    }
  })
}

/** `prisma migrate resolve --rolled-back`. */
export async function resolveByPrisma(url: string, migrationName: string): Promise<void> {
  await withEngine(url, datasource, (one) => one.markMigrationRolledBack({ migrationName }))
}

const datasource = 'datasource db {\n  provider = "postgresql"\n}\n'

async function withEngine<T>(
  url: string,
  schema: string,
  act: (one: engine.SchemaEngine) => Promise<T>,
): Promise<T> {
  const pool = new pg.Pool({ connectionString: url })
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<pg.QueryResult>
  // The engine reads pg_catalog's "char" columns, a type that the adapter does not know: text it is.
  Object.assign(pool, {
    query: async (...args: unknown[]) => {
      const result = await query(...args)
      for (const field of result.fields) if (field.dataTypeID === charOid) field.dataTypeID = textOid
      return result
    },
  })
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool))
  const one = await SchemaEngine.new({ datamodels: [[path, schema]] }, () => undefined, adapter)
  try {
    return await act(one)
  } finally {
    one.free()
    await pool.end()
  }
}

async function listOf(folder: string): Promise<engine.MigrationList> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const file = 'migration.sql'
  return {
    baseDir: folder,
    lockfile: { path: 'migration_lock.toml', content: null },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.sort().map(async (name) => ({
        path: name,
        migrationFile: {
          path: file,
          content: { tag: 'ok' as const, value: await readFile(join(folder, name, file), 'utf8') },
        },
      })),
    ),
  }
}

function started(): typeof engine {
  const file = fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg')).replace(
    /js$/,
    'wasm',
  )
  const module = new WebAssembly.Module(readFileSync(file))
  const { exports } = new WebAssembly.Instance(module, {
    './schema_engine_bg.js': engine as unknown as WebAssembly.ModuleImports,
  })
  const bindings = engine as unknown as { __wbg_set_wasm(exports: WebAssembly.Exports): void }
  bindings.__wbg_set_wasm(exports)
  ;(exports as { readonly __wbindgen_start?: () => void }).__wbindgen_start?.()
  return engine
}
