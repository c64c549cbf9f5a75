import { defineConfig } from 'vitest/config'

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
    globalSetup: ['packages/prisma-extension/scripts/generate-clients.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores, and most suites start real servers: more workers only slow each other down.
    maxWorkers: 2,
  },
})
