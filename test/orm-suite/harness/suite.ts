import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Orm } from '../application.ts'
import { scenarios } from '../scenarios/all.ts'
import { startStage, type Stage } from './stage.ts'

/** All scenarios for one ORM at one version, on a cluster of its own. */
export function ormSuite(orm: Orm): void {
  describe(`${orm.name} ${orm.version}`, () => {
    let stage: Stage

    beforeAll(async () => {
      stage = await startStage(orm)
    })
    afterAll(() => stage?.stop())
    afterEach(() => stage.finish())

    for (const { name, tags, needs = [], run } of scenarios) {
      const lack = needs.find((need) => orm.unsupported[need] !== undefined)
      // oxlint-disable-next-line vitest/valid-title, vitest/expect-expect -- the scenario has both
      it(name, async (context) => {
        if (lack !== undefined) context.skip(`${orm.name} ${orm.version}: ${orm.unsupported[lack]}`)
        const world = await stage.begin(tags.includes('ordinary-model'))
        await run(world.application, world)
      })
    }

    it('sends every statement of an ordinary model to one shard', () => {
      const { statements, onSeveral, percentage } = stage.tally
      console.info(
        `${orm.name} ${orm.version}: ${percentage.toFixed(1)} % of ${statements} statements of ordinary models ran on one shard`,
      )
      expect([...new Set(onSeveral)]).toEqual([])
      expect(statements).toBeGreaterThan(100)
    })
  })
}
