import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The first of these programs that is in a folder of the PATH, or in one of `elsewhere`. */
export function findOnPath(names: readonly string[], elsewhere: readonly string[] = []): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...elsewhere]
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path))
}
