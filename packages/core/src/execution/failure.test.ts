import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { StatementError, TopologyError } from '../errors.ts'
import { markNeverSent } from '../pool/never-sent.ts'
import { isOutcomeUnknown, judge } from './failure.ts'
import { serverError } from './server-error.ts'

const server = (code: string): Error => serverError(pg, { code, message: code })
const socket = (code: string): Error => Object.assign(new Error(code), { code, syscall: 'read' })
const terminated = (): Error => new Error('Connection terminated unexpectedly')

/** FIELD-NOTES §12: what each signal says about a read on a primary, a read on a replica, and a write. */
const signals: readonly (readonly [string, () => unknown, string, string, boolean])[] = [
  ['unique violation', () => server('23505'), 'statement', 'statement', false],
  ['recovery conflict or serialization failure', () => server('40001'), 'statement', 'elsewhere', false],
  ['deadlock', () => server('40P01'), 'statement', 'elsewhere', false],
  ['read-only transaction', () => server('25006'), 'statement', 'primary', false],
  ['recovery in progress', () => server('55000'), 'statement', 'primary', false],
  ['serializable on a standby', () => server('0A000'), 'statement', 'primary', false],
  ['a table that was not replayed yet', () => server('42P01'), 'statement', 'primary', false],
  ['starting up', () => server('57P03'), 'elsewhere', 'elsewhere', false],
  ['too many connections', () => server('53300'), 'elsewhere', 'elsewhere', false],
  ['administrator shutdown', () => server('57P01'), 'elsewhere', 'elsewhere', true],
  ['cancelled', () => server('57014'), 'statement', 'statement', false],
  ['reset', () => socket('ECONNRESET'), 'elsewhere', 'elsewhere', true],
  ['refused', () => markNeverSent(socket('ECONNREFUSED')), 'elsewhere', 'elsewhere', false],
  ['terminated', terminated, 'elsewhere', 'elsewhere', true],
  [
    'pool timeout',
    () => markNeverSent(new TopologyError('POOL_TIMEOUT', '')),
    'elsewhere',
    'elsewhere',
    false,
  ],
  ['query timeout', () => new TopologyError('QUERY_TIMEOUT', ''), 'statement', 'statement', true],
  ['refusal', () => new StatementError('UNPROVED_READ', ''), 'statement', 'statement', false],
  ['abort', () => new DOMException('aborted', 'AbortError'), 'statement', 'statement', false],
]

describe('judge', () => {
  it.each(signals)('%s', (_name, make, onPrimary, onStandby, isUnknown) => {
    expect([judge(make(), false), judge(make(), true), isOutcomeUnknown(make())]).toEqual([
      onPrimary,
      onStandby,
      isUnknown,
    ])
  })
})
