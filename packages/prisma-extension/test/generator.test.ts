import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const here = import.meta.dirname
const versions = [
  { version: '7.10', cli: join(here, '../node_modules/prisma/build/index.js') },
  { version: '6.19', cli: join(here, '../../../test/prisma-6/node_modules/prisma/build/index.js') },
]

const model = (table: string, description: object) => ({ table, description })

describe.each(versions)('the schema generator, started by Prisma $version', ({ version, cli }) => {
  const isSix = version === '6.19'
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shardline-generator-'))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  /** Runs `prisma generate` for a file of models, with one generator for each output. */
  const generate = async (models: string, outputs: readonly string[]): Promise<void> => {
    const schema = join(folder, models)
    const provider = `${process.execPath} ${join(here, '../src/generator/main.ts')}`
    const generators = outputs.map(
      (output, index) => `generator shardline${index} {
        provider = "${provider}"
        output   = "${output}"
      }`,
    )
    await writeFile(
      schema,
      `${generators.join('\n')}
      datasource db {
        provider = "postgresql"
        schemas  = ["public", "billing"]
        ${isSix ? 'url = "postgres://nowhere"' : ''}
      }
      ${await readFile(join(here, 'generator', models), 'utf8')}`,
    )
    // No engine takes part in this; one that cannot run is not downloaded.
    const none = '/bin/false'
    const engines = { PRISMA_SCHEMA_ENGINE_BINARY: none, PRISMA_QUERY_ENGINE_LIBRARY: none }
    await promisify(execFile)(process.execPath, [cli, 'generate', '--schema', schema], {
      cwd: folder,
      env: { ...process.env, ...engines, NO_COLOR: '1' },
    })
  }

  it('writes where the rows of each model live, in the names of PostgreSQL', async () => {
    const outputs = ['models/shardline.ts', 'shardline.js', 'folder']
    await generate('good.prisma', outputs)
    const written = join(folder, 'models/shardline.ts')
    const { shardlineModels } = (await import(written)) as { readonly shardlineModels: unknown }
    expect(shardlineModels).toEqual({
      Country: model('public.Country', { strategy: 'reference' }),
      Feature: model('public.Feature', { strategy: 'entity', column: 'name', group: 'features' }),
      Order: model('public.orders', {
        strategy: 'tenant',
        column: 'tenant_id',
        group: 'tenant',
        guard: 'required',
        routable: ['public_id', 'id'],
      }),
      Reading: model('public.readings', { strategy: 'time', column: 'recorded_at', every: 'month' }),
      Setting: model('public.Setting', { strategy: 'unsharded' }),
      Tenant: model('billing.tenants', { strategy: 'tenant', column: 'id' }),
    })
    const text = await readFile(written, 'utf8')
    expect(text).toContain('as const satisfies ModelMap')
    expect(await readFile(join(folder, 'folder/index.ts'), 'utf8')).toBe(text)
    const script = await readFile(join(folder, 'shardline.js'), 'utf8')
    expect(script).toContain("@satisfies {import('@shardline/prisma-extension').ModelMap}")
    expect(await import(join(folder, 'shardline.js'))).toMatchObject({ shardlineModels })

    // A watcher would start a build for a file that says the same.
    const { mtimeMs } = await stat(written)
    await generate('good.prisma', outputs)
    expect((await stat(written)).mtimeMs).toBe(mtimeMs)
  })

  it('names every mistake by model and field, and writes nothing', async () => {
    const error = await generate('bad.prisma', ['bad.ts']).catch(
      (thrown: { readonly stderr: string }) => thrown,
    )
    const { stderr } = error as { readonly stderr: string }

    const found = stderr.split('\n').map((line) => line.trim())

    for (const line of [
      'The annotations of the Prisma schema have 20 problems:',
      'model Typo: there is no @shardline.tennant (did you mean tenant?). There are tenant, entity, time, reference, unsharded, routable',
      'model Column: @shardline.tenant(tenant_id): "tenant_id" is the column of field "tenantId"; annotations name the field',
      'model Unknown: @shardline.tenant(tenentId): there is no field "tenentId" (did you mean tenantId?). Its fields are tenantId',
      'model Nullable: @shardline.tenant(tenantId): "tenantId" may be null. Make it required: BigInt, not BigInt?',
      'model Relation: @shardline.tenant(owner): "owner" is a relation, which has no column of its own. Name the field that it is stored in: ownerId',
      'model Owner: @shardline.entity(relations): "relations" is a relation, which has no column of its own.',
      'model Twice: its rows are placed 2 times (@shardline.entity(id), @shardline.tenant(tenantId)). A model has one shard key',
      'model Period: @shardline.time(at): every: fortnight is not known. Allowed: hour, day, week, month, year',
      'model Rounded: field at: @shardline.time: there is no option "evry" (did you mean every?). Write @shardline.time(recordedAt, every: month); options: every, group',
      'model Rounded: @shardline.time(on): "on" is of type DateTime; a time key is a DateTime with @db.Timestamptz(6), @db.Timestamp(6) or @db.Date',
      'model EnumKey: field note: @shardline.reference is about a whole model. Write it above the model',
      'model EnumKey: @shardline.entity(kind): "kind" is the enum Kind; a shard key is an Int, a BigInt or a String',
      'model Ids: @shardline.routable(id, tenantId): "id" is of type Int; a routable id is a BigInt, or a String with @db.Uuid',
      'model Ids: @shardline.routable(id, tenantId): "tenantId" is the shard key itself, which routes already',
      'model NoKey: routable ids carry the shard key of their row, and the model has none. Add @shardline.tenant(tenantId)',
      'model Prose: "Belongs to @shardline.tenant(id)" is no annotation. Write it alone on its line, as in @shardline.tenant(tenantId) or @shardline.time(recordedAt, every: month)',
      'model Bare: @shardline.tenant: name the field. Write @shardline.tenant(tenantId)',
      'model Changing: @shardline.entity(changedAt): "changedAt" is of type DateTime; a shard key is an Int, a BigInt or a String',
      'an annotation belongs to no model or field. Write them right above one that Prisma does not ignore, with no empty line between',
      'model Numbered: @shardline.routable(id): "id" has the default autoincrement(), and such ids carry no bucket. Write @default(dbgenerated()): the database fills them once router.install() has run',
    ]) {
      expect(found).toContain(line)
    }
    await expect(stat(join(folder, 'bad.ts'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
