import { configDefaults, defineConfig } from 'vitest/config'
import { readSharingMode } from './test/support/read-sharing-mode.ts'

// Nothing that runs without a server can tell whether connections are shared.
const withoutServers = ['packages/*/src/**', '**/types.test.ts', 'packages/local-cluster/**']

export default defineConfig({
  // TypeORM's entities, and NestJS: Node's own type stripping knows no decorators.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/*/test/**/*.test.ts',
      'test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
    ],
    exclude: [...configDefaults.exclude, ...(readSharingMode() === 'on' ? [] : withoutServers)],
    setupFiles: ['test/support/sharing-mode.ts'],
    globalSetup: ['packages/prisma-extension/scripts/generate-clients.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores, and most suites start real servers: more workers only slow each other down.
    maxWorkers: 2,
  },
})
