import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const here = join(import.meta.dirname, '..')
let folder: string

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'drizzle-kit-')))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A schema as an application writes it; `annotate` puts `sharded()` around a table, or does not. */
function schema(annotate: (table: string, model: string) => string): string {
  const orders = `pgTable('orders', {
    id: bigint('id', { mode: 'bigint' }).primaryKey(),
    tenantId: integer('tenant_id').notNull(),
    customerId: integer('customer_id').references(() => customers.id, { onDelete: 'cascade' }),
    state: state('state').notNull().default('open'),
    note: text('note'),
  }, (t) => [index('orders_by_note').on(t.note), check('positive', sql\`\${t.tenantId} > 0\`)])`
  return `
    import { sql } from 'drizzle-orm'
    import { bigint, check, index, integer, pgEnum, pgSchema, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'
    import { entity, reference, sharded, tenant, time } from '@shardline/drizzle-adapter'

    export const state = pgEnum('state', ['open', 'closed'])
    export const app = pgSchema('app')
    export const customers = ${annotate(`pgTable('customers', { id: integer('id').primaryKey() })`, 'tenant(t.id)')}
    export const orders = ${annotate(orders, 'tenant(t.tenantId, { routable: t.id })')}
    export const features = ${annotate(`app.table('features', { entityId: text('entity_id').notNull() })`, 'entity(t.entityId)')}
    export const readings = ${annotate(`pgTable('readings', { at: timestamp('at').notNull() })`, `time(t.at, { every: 'day' })`)}
    export const countries = ${annotate(`pgTable('countries', { code: text('code').primaryKey() })`, 'reference()')}
  `
}

/**
 * The SQL that drizzle-kit writes for a schema, in an application's folder where `drizzle-orm` is the version that belongs
 * to it.
 */
async function generate(version: { kit: string; orm: string }, name: string, text: string): Promise<string> {
  const application = join(folder, name)
  const modules = join(application, 'node_modules')
  const adapter = join(modules, '@shardline/drizzle-adapter')
  const kit = join(modules, 'drizzle-kit')
  await mkdir(adapter, { recursive: true })
  await mkdir(kit)
  await cp(join(here, 'src'), join(adapter, 'src'), { recursive: true })
  await cp(join(here, 'package.json'), join(adapter, 'package.json'))
  await symlink(join(here, '../core'), join(modules, '@shardline/core'))
  await symlink(join(here, 'node_modules', version.orm), join(modules, 'drizzle-orm'))
  for (const file of ['bin.cjs', 'package.json']) {
    await cp(join(await realpath(join(here, 'node_modules', version.kit)), file), join(kit, file))
  }
  await writeFile(join(application, 'schema.ts'), text)
  await writeFile(
    join(application, 'drizzle.config.ts'),
    `export default { dialect: 'postgresql', schema: './schema.ts', out: './out' }`,
  )
  const run = promisify(execFile)(process.execPath, [join(kit, 'bin.cjs'), 'generate'], { cwd: application })
  const { stdout } = await run
  const written = await readdir(join(application, 'out'), { recursive: true })
  const file = written.find((one) => one.endsWith('.sql'))
  if (file === undefined) throw new Error(`drizzle-kit wrote no SQL: ${stdout}`)
  return await readFile(join(application, 'out', file), 'utf8')
}

describe.each([
  ['0.31', { kit: 'drizzle-kit', orm: 'drizzle-orm' }],
  ['1.0', { kit: 'drizzle-kit-1', orm: 'drizzle-orm-1' }],
])('drizzle-kit %s', (_name, version) => {
  it('writes the same SQL for a schema with sharded() as for one without', async () => {
    const [plain, annotated] = await Promise.all([
      generate(
        version,
        'plain',
        schema((table) => table),
      ),
      generate(
        version,
        'annotated',
        schema((table, model) => `sharded(${table}, (t) => ${model})`),
      ),
    ])
    expect(plain).toContain('CREATE TABLE "app"."features"')
    expect(plain).toContain('orders_by_note')
    expect(annotated).toBe(plain)
  }, 120_000)
})
