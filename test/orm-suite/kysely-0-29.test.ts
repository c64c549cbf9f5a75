import { ormSuite } from './harness/suite.ts'
import { kyselyOrm } from './kysely/application.ts'

ormSuite(kyselyOrm('0.29'))
