import { ormSuite } from './harness/suite.ts'
import { typeormOrm } from './typeorm/application.ts'

ormSuite(typeormOrm('1.1'))
