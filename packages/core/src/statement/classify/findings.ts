import type { Nature } from '../builtin-functions.ts'
import type { Pin, RoleReason, TableUse } from '../statement.ts'
import type { FunctionUse } from '../volatility.ts'

/** What a walk over a statement's tree has found out, whatever kind of statement it is. */
export interface Findings {
  /** Why it needs the primary; undefined when a standby may run it. */
  readonly reason: RoleReason | undefined
  /** The same, for what holds already when the statement is planned and not run. */
  readonly planReason: RoleReason | undefined
  readonly pins: Pin | undefined
  readonly isSessionChanging: boolean
  readonly isCacheable: boolean
  readonly isConstant: boolean
  readonly tables: readonly TableUse[]
  readonly parameterCount: number
}

/** The more a reason says about the statement's shape, the earlier it is told. */
const precedence: Partial<Record<RoleReason['rule'], number>> = {
  'data-modifying-cte': 0,
  'select-into': 1,
  'row-locks': 2,
}

/** `set_config` is about the session itself, wherever that is; any other reason says more about where. */
export function isOwnSetting({ rule, subject }: RoleReason): boolean {
  return rule === 'session-state' && subject === 'set_config'
}

/** Collects findings; every method makes the outcome stricter, never looser. */
export class FindingsBuilder {
  #reason: RoleReason | undefined
  #planReason: RoleReason | undefined
  #pins: Pin | undefined
  #isSessionChanging = false
  #isCacheable = true
  #isConstant = true
  #parameterCount = 0
  readonly #tables = new Map<string, TableUse>()

  needsPrimary(rule: RoleReason['rule'], subject?: string): void {
    const rank = precedence[rule] ?? 3
    const known =
      this.#reason === undefined || isOwnSetting(this.#reason) ? 4 : (precedence[this.#reason.rule] ?? 3)
    if (rank < known) this.#reason = subject === undefined ? { rule } : { rule, subject }
    this.varies()
  }

  /** Needs the primary even when it is only planned. */
  needsPrimaryToPlan(rule: RoleReason['rule'], subject: string): void {
    this.needsPrimary(rule, subject)
    this.#planReason ??= { rule, subject }
  }

  /** The answer may differ between two runs without a write, or between nodes. */
  varies(): void {
    this.#isCacheable = false
    this.#isConstant = false
  }

  /** The answer depends on settings or catalogs, which a session may change. */
  isNotConstant(): void {
    this.#isConstant = false
  }

  pin(pin: Pin, isSessionChanging: boolean): void {
    this.#pins ??= pin
    this.#isSessionChanging ||= isSessionChanging
  }

  table(use: TableUse): void {
    this.#isConstant = false
    const key = `${use.schema === undefined ? '' : JSON.stringify(use.schema)}.${use.name}`
    const known = this.#tables.get(key)
    if (known === undefined || (known.access === 'read' && use.access === 'write')) this.#tables.set(key, use)
  }

  parameter(number: number): void {
    if (number > this.#parameterCount) this.#parameterCount = number
  }

  /** Takes over what was found in a view's query; its reasons are told with the view's name. */
  merge(other: Findings, view: string): void {
    if (other.reason !== undefined) {
      const { rule, subject } = other.reason
      this.needsPrimary(rule, subject === undefined ? `view ${view}` : `${subject} in view ${view}`)
    }
    if (other.planReason !== undefined) this.#planReason ??= other.planReason
    if (other.pins !== undefined) this.pin(other.pins, other.isSessionChanging)
    if (!other.isCacheable) this.varies()
    this.#isConstant = false
    for (const use of other.tables) this.table(use)
  }

  build(): Findings {
    return {
      reason: this.#reason,
      planReason: this.#planReason,
      pins: this.#pins,
      isSessionChanging: this.#isSessionChanging,
      isCacheable: this.#isCacheable,
      isConstant: this.#isConstant,
      tables: [...this.#tables.values()],
      parameterCount: this.#parameterCount,
    }
  }
}

/** What calling a function means for the statement; `subject` is how the function is told. */
export function applyFunction(
  findings: FindingsBuilder,
  use: FunctionUse | undefined,
  subject: string,
): void {
  if (use === undefined) {
    findings.needsPrimary('unknown-function', subject)
    return
  }
  if (use.nature !== undefined) applyNature(findings, use.nature, subject)
  if (!use.isUser) return
  if (use.volatility === 'volatile') findings.needsPrimary('volatile-function', subject)
  else if (use.isOpaque) findings.varies()
  else if (use.volatility === 'stable') findings.isNotConstant()
}

function applyNature(findings: FindingsBuilder, nature: Nature, subject: string): void {
  switch (nature) {
    case 'immutable':
      return
    case 'settings':
      findings.isNotConstant()
      return
    case 'time':
    case 'chance':
    case 'session':
    case 'catalog':
      findings.varies()
      return
    case 'server':
      findings.needsPrimary('per-server', subject)
      return
    case 'state':
      findings.needsPrimary('session-state', subject)
      return
    case 'hidden':
      findings.needsPrimary('hidden-sql', subject)
      return
    case 'refused':
      findings.needsPrimary('refused-on-standby', subject)
      return
    case 'writes':
      findings.needsPrimary('volatile-function', subject)
  }
}
