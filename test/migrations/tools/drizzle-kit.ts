import { execFile } from 'node:child_process'
import { cp, mkdir, realpath, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const modules = join(import.meta.dirname, '../node_modules')

/** Makes a folder an application with this version of drizzle-orm, and gives what runs its `drizzle-kit generate`. */
export async function drizzleKitIn(
  application: string,
  suffix: '' | '-1',
): Promise<(schema: string) => Promise<string>> {
  const kit = join(application, 'node_modules/drizzle-kit')
  await mkdir(kit, { recursive: true })
  // It looks for drizzle-orm from where it lies itself.
  const from = await realpath(join(modules, `drizzle-kit${suffix}`))
  for (const file of ['bin.cjs', 'package.json']) await cp(join(from, file), join(kit, file))
  await symlink(join(modules, `drizzle-orm${suffix}`), join(application, 'node_modules/drizzle-orm'))
  const config = `export default { dialect: 'postgresql', schema: './schema.ts', out: './out' }`
  await writeFile(join(application, 'drizzle.config.ts'), config)
  return async (schema) => {
    await writeFile(join(application, 'schema.ts'), schema)
    const run = await promisify(execFile)(process.execPath, [join(kit, 'bin.cjs'), 'generate'], { cwd: application }) // prettier-ignore
    return run.stdout
  }
}
