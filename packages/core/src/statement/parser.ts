import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Node } from 'libpg-query'
import { ConfigError, StatementError } from '../errors.ts'
import type { SyntaxError } from './statement.ts'

/**
 * PostgreSQL 18's own parser, compiled to WebAssembly by the package libpg-query.
 *
 * The package's own entry keeps a single instance for good. A very deep expression overflows the stack in the middle
 * of C code, which leaves memory behind that is never given back; after some dozens the instance fails on everything.
 * So this file takes the package's emscripten factory and makes instances itself: on anything but an answer the
 * instance is thrown away and the next parse gets a fresh one (5 ms), synchronously.
 */

/** Texts longer than this many UTF-16 units are refused: a tree of them would block the event loop for seconds. */
export const maxTextLength = 4 * 1024 * 1024

interface ParsedStatement {
  readonly stmt: Node
  /** UTF-8 byte offset of the statement in the text. */
  readonly location: number
  /** Length in bytes; 0 means up to the end of the text. */
  readonly length: number
}

export interface ParsedText {
  readonly stmts: readonly ParsedStatement[]
  /** Set when PostgreSQL's parser refuses the text; `stmts` is empty then. */
  readonly syntaxError: SyntaxError | undefined
}

/** The parts of libpg-query's emscripten module that are used here. */
interface Instance {
  _malloc(size: number): number
  _free(pointer: number): void
  _wasm_parse_query_raw(text: number): number
  _wasm_free_parse_result(result: number): void
  getValue(pointer: number, type: 'i32'): number
  UTF8ToString(pointer: number): string
  stringToUTF8(text: string, pointer: number, size: number): void
  HEAPU8: Uint8Array
}

/** What is used of the global WebAssembly, whose types come with DOM libraries only. */
interface WebAssemblyApi {
  compile(bytes: Uint8Array): Promise<WasmModule>
  readonly Instance: new (module: WasmModule, imports: object) => { readonly exports: WasmExports }
}
type WasmModule = object
type WasmExports = Record<string, unknown>
type WhenInstantiated = (instance: { exports: WasmExports }) => void

const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi }

type Factory = (options: {
  instantiateWasm(imports: object, done: WhenInstantiated): object
}) => Promise<unknown>

interface Engine {
  readonly factory: Factory
  readonly module: WasmModule
  /** Exports which emscripten's start-up calls; it does so in a later microtask, which is too late for a retry. */
  readonly constructors: readonly string[]
}

let engine: Engine | undefined
let loading: Promise<void> | undefined
let current: Instance | undefined

/** Loads the parser once (about 30 ms); `parse` works after it. */
export function loadParser(): Promise<void> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined
    throw error
  })
  return loading
}

async function load(): Promise<void> {
  const require = createRequire(import.meta.url)
  try {
    const factory = require('libpg-query/wasm/libpg-query.js') as Factory
    const module = await WebAssembly.compile(
      await readFile(require.resolve('libpg-query/wasm/libpg-query.wasm')),
    )
    const constructors = await observeStart(factory, module)
    engine = { factory, module, constructors }
    current = createInstance(engine)
    if (parse('select 1').stmts.length !== 1) throw new TypeError('it does not parse "select 1"')
  } catch (cause) {
    engine = undefined
    throw new ConfigError(
      'DEPENDENCY_UNSUPPORTED',
      'The installed libpg-query cannot be used as a parser. Install the version that @shardline/core names in its dependencies.',
      { cause },
    )
  }
}

/** Starts one instance the ordinary way and notes which exports its start-up calls. */
async function observeStart(factory: Factory, module: WasmModule): Promise<readonly string[]> {
  const called: string[] = []
  await factory({
    instantiateWasm(imports, done) {
      const { exports } = new WebAssembly.Instance(module, imports)
      const observed: WasmExports = { ...exports }
      for (const [name, value] of Object.entries(exports)) {
        if (typeof value !== 'function') continue
        observed[name] = (...args: unknown[]): unknown => {
          called.push(name)
          return (value as (...args: unknown[]) => unknown)(...args)
        }
      }
      done({ exports: observed })
      return {}
    },
  })
  return called
}

/** A fresh instance, usable at once: the constructors run here, and emscripten's own later call of them does nothing. */
function createInstance({ factory, module, constructors }: Engine): Instance {
  let failure: unknown
  const instance = {
    instantiateWasm(imports: object, done: WhenInstantiated): object {
      try {
        const { exports } = new WebAssembly.Instance(module, imports)
        const usable: WasmExports = { ...exports }
        for (const name of constructors) usable[name] = (): void => {}
        done({ exports: usable })
        for (const name of constructors) (exports[name] as () => void)()
      } catch (error) {
        failure = error
      }
      return {}
    },
  }
  factory(instance).catch(() => {})
  if (failure !== undefined) throw failure
  return instance as typeof instance & Instance
}

/** An instance that has grown beyond this (it starts with 128 MB, hardly touched) is not kept: its memory never shrinks. */
const maxKeptMemory = 256 * 1024 * 1024

/**
 * Parses a text of any number of statements.
 *
 * @throws {StatementError} STATEMENT_NUL for a text with a NUL character (PostgreSQL's protocol would cut it there),
 * STATEMENT_TOO_LARGE for one longer than `maxTextLength` or nested too deeply to be analysed.
 */
export function parse(text: string): ParsedText {
  if (engine === undefined) throw new TypeError('The parser is not loaded: await loadParser() first.')
  refuseNul(text)
  if (text.length > maxTextLength) {
    throw new StatementError(
      'STATEMENT_TOO_LARGE',
      `The statement has ${text.length} characters; at most ${maxTextLength} are analysed. Send the values as parameters, in several statements, or through COPY on a leased connection.`,
      { details: { length: text.length, maxLength: maxTextLength } },
    )
  }
  const instance = (current ??= createInstance(engine))
  // Anything but an answer leaves C code half way: only a completed parse gives the instance back.
  current = undefined
  let outcome: ParsedText
  try {
    outcome = parseWith(instance, text)
  } catch (cause) {
    throw tooDeep(cause)
  }
  if (instance.HEAPU8.length <= maxKeptMemory) current = instance
  return outcome
}

export function refuseNul(text: string): void {
  if (text.includes('\0')) {
    throw new StatementError(
      'STATEMENT_NUL',
      'The statement contains a NUL character, which PostgreSQL cannot take. Pass such values as bytea parameters.',
    )
  }
}

/** The refusal for a statement whose tree is deeper than the stack; also for walks over trees. */
export function tooDeep(cause: unknown): StatementError {
  return new StatementError(
    'STATEMENT_TOO_LARGE',
    'The statement is nested too deeply to be analysed. Replace long operator chains and nested parentheses, for example by IN or = ANY($1).',
    { cause },
  )
}

function parseWith(instance: Instance, text: string): ParsedText {
  const size = Buffer.byteLength(text) + 1
  const input = instance._malloc(size)
  if (input === 0) throw new RangeError('out of memory')
  instance.stringToUTF8(text, input, size)
  const result = instance._wasm_parse_query_raw(input)
  if (result === 0) throw new RangeError('out of memory')
  // PgQueryParseResult { char *parse_tree; char *stderr_buffer; PgQueryError *error; }
  const tree = instance.getValue(result, 'i32')
  const error = instance.getValue(result + 8, 'i32')
  const syntaxError = error === 0 ? undefined : readError(instance, error)
  const json = tree === 0 || syntaxError !== undefined ? undefined : instance.UTF8ToString(tree)
  instance._free(input)
  instance._wasm_free_parse_result(result)
  if (syntaxError !== undefined) return { stmts: [], syntaxError }
  if (json === undefined) throw new RangeError('no parse tree')
  return { stmts: readStatements(json), syntaxError: undefined }
}

function readStatements(json: string): ParsedStatement[] {
  const { stmts = [] } = JSON.parse(json) as {
    stmts?: { stmt?: Node; stmt_location?: number; stmt_len?: number }[]
  }
  const statements: ParsedStatement[] = []
  for (const { stmt, stmt_location: location = 0, stmt_len: length = 0 } of stmts) {
    if (stmt !== undefined) statements.push({ stmt, location, length })
  }
  return statements
}

/** PgQueryError { char *message; char *funcname; char *filename; int lineno; int cursorpos; … } */
function readError(instance: Instance, error: number): SyntaxError {
  const message = instance.UTF8ToString(instance.getValue(error, 'i32'))
  const position = instance.getValue(error + 16, 'i32')
  if (message === 'stack depth limit exceeded' || message === 'out of memory') throw new RangeError(message)
  const raisedBy = instance.UTF8ToString(instance.getValue(error + 4, 'i32'))
  return { message, sqlState: sqlStateOf(message, raisedBy), position }
}

/** The grammar raises 42601, but for what it knows and PostgreSQL does not do yet, and for bytes that are no text. */
function sqlStateOf(message: string, raisedBy: string): string {
  if (
    /not (yet )?(implemented|supported)|cannot be (marked|altered)|cannot include schema|only supported for ON/.test(
      message,
    )
  ) {
    return '0A000'
  }
  if (/^unrecognized (JSON encoding|partitioning strategy)|^column number must be in range/.test(message)) {
    return '22023'
  }
  // In E'' it is an invalid escape sequence, in U&'' a syntax error.
  if (message === 'invalid Unicode escape' && raisedBy !== 'str_udeescape') return '22025'
  if (message.startsWith('invalid byte sequence')) return '22021'
  return '42601'
}
