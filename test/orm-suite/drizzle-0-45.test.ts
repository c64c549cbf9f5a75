import { drizzleOrm } from './drizzle/orm-0-45.ts'
import { ormSuite } from './harness/suite.ts'

ormSuite(drizzleOrm)
