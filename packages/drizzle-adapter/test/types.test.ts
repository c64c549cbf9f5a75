import { execFile } from 'node:child_process'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const here = dirname(import.meta.dirname)
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

const check = async (project: string): Promise<string> => {
  const run = promisify(execFile)(process.execPath, [tsc, '-p', project, '--pretty', 'false'])
  const { stdout } = await run.catch((error: { readonly stdout: string }) => error)
  return stdout
}

// `tsc` decides: an expected error that is none fails as much as an unexpected one.
describe.each([
  ['drizzle-orm 0.45', 'tsconfig.test.json'],
  ['drizzle-orm 1.0', 'tsconfig.drizzle-1.json'],
])('types with %s', (_version, project) => {
  it('are right, and refuse what is wrong', async () => {
    expect(await check(join(here, project))).toBe('')
  }, 120_000)
})

// 0.45 has no `defineRelations`, so no file of this folder could import it.
const withRelations = `
  import { defineRelations } from 'drizzle-orm'
  import { integer, pgTable, text } from 'drizzle-orm/pg-core'
  import type { Router } from '@shardline/core'
  import { drizzle, sharded, tenant } from '@shardline/drizzle-adapter'

  declare const router: Router
  const users = pgTable('users', { id: integer().primaryKey(), name: text() })
  const posts = sharded(pgTable('posts', { userId: integer().notNull(), title: text().notNull() }), (t) => tenant(t.userId))
  const relations = defineRelations({ users, posts }, (r) => ({
    users: { posts: r.many.posts({ from: r.users.id, to: r.posts.userId }) },
  }))
  const db = drizzle(router, { relations, tables: { users: tenant('id') } })
  for (const one of [db, db.$primary, db.$replica, db.$context({ tenant: 7 })]) {
    const user = await one.query.users.findFirst({ where: { id: 7 }, with: { posts: true } })
    user?.posts[0]?.title satisfies string | undefined
    // @ts-expect-error no such relation
    await one.query.posts.findMany({ with: { users: true } })
  }
  const more = pgTable('more', { id: integer().primaryKey(), note: text() })
  drizzle(router, { relations, schema: { more }, tables: { more: tenant('id'), posts: tenant('userId') } })
  // @ts-expect-error nullable
  drizzle(router, { relations, tables: { users: tenant('name') } })
  // @ts-expect-error neither a relation's table nor one of the schema
  drizzle(router, { relations, tables: { more: tenant('id') } })
  // @ts-expect-error 0.45's option: in 1.0 it belongs to the table
  drizzle(router, { relations, casing: 'snake_case' })
`

describe('types with the relations of drizzle-orm 1.0', () => {
  it('reach db.query and the map of tables', async () => {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'drizzle-types-')))
    try {
      await writeFile(join(folder, 'relations.ts'), withRelations)
      const modules = join(here, 'node_modules')
      const project = {
        extends: join(here, 'tsconfig.drizzle-1.json'),
        compilerOptions: {
          rootDir: '/',
          typeRoots: [join(here, '../../node_modules/@types')],
          paths: {
            'drizzle-orm': [join(modules, 'drizzle-orm-1/index.d.ts')],
            'drizzle-orm/*': [
              join(modules, 'drizzle-orm-1/*/index.d.ts'),
              join(modules, 'drizzle-orm-1/*.d.ts'),
            ],
            '@shardline/drizzle-adapter': [join(here, 'src/index.ts')],
            '@shardline/core': [join(here, '../core/src/index.ts')],
          },
        },
        include: ['relations.ts'],
      }
      await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(project))
      expect(await check(join(folder, 'tsconfig.json'))).toBe('')
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }, 120_000)
})
