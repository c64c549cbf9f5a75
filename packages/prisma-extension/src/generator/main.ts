#!/usr/bin/env node
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, extname, join } from 'node:path'
import helper from '@prisma/generator-helper'
import { ConfigError } from '@shardline/core'
import { mapModels } from './map-models.ts'
import { renderModels } from './render-models.ts'

const scripts = ['.ts', '.mts', '.cts', '.js', '.mjs']

// Prisma starts this program for `generator … { provider = "shardline-prisma-generator" }` and talks to it over its pipes.
helper.generatorHandler({
  onManifest: () => ({ prettyName: 'Shardline models', defaultOutput: '../generated/shardline.ts' }),
  async onGenerate({ dmmf, datamodel, datasources, generator }) {
    const provider = datasources[0]?.activeProvider
    if (provider !== undefined && provider !== 'postgresql') {
      throw new ConfigError(
        'CONFIG_INVALID',
        `Shardline routes PostgreSQL, and the datasource is ${provider}.`,
      )
    }
    const output = generator.output?.value
    if (output == null)
      throw new ConfigError('CONFIG_INVALID', `generator ${generator.name}: say where to write with output.`)
    const file = scripts.includes(extname(output)) ? output : join(output, 'index.ts')
    const text = renderModels(mapModels(dmmf.datamodel, datamodel), file.endsWith('js') ? 'js' : 'ts')
    // Watchers and builds run again when a file is written, whatever is in it.
    if ((await readFile(file, 'utf8').catch(() => undefined)) === text) return
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  },
})
