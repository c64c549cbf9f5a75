export { typeormDriver, type TypeormDriver } from './driver.ts'
export { Reference, RoutableId, ShardKey, Unsharded } from './decorators.ts'
export {
  sharded,
  type EntityDescription,
  type KeyPropertyOf,
  type RoutablePropertyOf,
  type TimePropertyOf,
} from './sharded.ts'
