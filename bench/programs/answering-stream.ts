import { Duplex } from 'node:stream'

/** Message types of a client that matter here; what comes first, without a type, is the startup packet. */
const sync = 'S'.charCodeAt(0)
const simpleQuery = 'Q'.charCodeAt(0)
const parse = 'P'.charCodeAt(0)
const describe = 'D'.charCodeAt(0)

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`)

/** What the server answers to everything, and greets with: whoever asks for its process number gets the right one, too. */
const first = 17
const columns = [
  { name: 'id', oid: 20, value: String(first) },
  { name: 'total', oid: 1700, value: '421.70' },
  { name: 'status', oid: 25, value: 'open' },
]
const parseComplete = message('1', Buffer.alloc(0))
const rowDescription = message(
  'T',
  Buffer.concat([
    int16(columns.length),
    ...columns.map(({ name, oid }) =>
      Buffer.concat([text(name), int32(16_400), int16(1), int32(oid), int16(8), int32(-1), int16(0)]),
    ),
  ]),
)
const row = message(
  'D',
  Buffer.concat([
    int16(columns.length),
    ...columns.map(({ value }) => Buffer.concat([int32(value.length), Buffer.from(value)])),
  ]),
)
const bindComplete = message('2', Buffer.alloc(0))
const commandComplete = message('C', text('SELECT 1'))
const ready = message('Z', Buffer.from('I'))
const greeting = (role: 'primary' | 'replica'): Buffer =>
  Buffer.concat([
    message('R', int32(0)),
    message('S', Buffer.concat([text('in_hot_standby'), text(role === 'replica' ? 'on' : 'off')])),
    message('K', Buffer.concat([int32(first), int32(42)])),
    ready,
  ])

const simpleAnswer = Buffer.concat([rowDescription, row, commandComplete, ready])
/** Answers of the four shapes, made once: whether the statement was parsed and described along with its run. */
const answers = [false, true].map((isParsed) =>
  [false, true].map((isDescribed) =>
    Buffer.concat([
      ...(isParsed ? [parseComplete] : []),
      bindComplete,
      ...(isDescribed ? [rowDescription] : []),
      row,
      commandComplete,
      ready,
    ]),
  ),
)

/**
 * A socket to a server that has every answer ready: one row of three columns. What a client computes per statement is
 * then all that is left, without a kernel, a network and a second process in the figures.
 */
export class AnsweringStream extends Duplex {
  readonly #role: 'primary' | 'replica'
  #isGreeted = false
  #isParsed = false
  #isDescribed = false

  constructor(role: 'primary' | 'replica') {
    super()
    this.#role = role
  }

  connect(): void {
    process.nextTick(() => this.emit('connect'))
  }

  setNoDelay(): void {}
  setKeepAlive(): void {}
  ref(): void {}
  unref(): void {}

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#answer(chunk)
    done()
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    for (const { chunk } of chunks) this.#answer(chunk)
    done()
  }

  /** `pg` writes whole messages. */
  #answer(chunk: Buffer): void {
    let at = 0
    if (!this.#isGreeted) {
      this.#isGreeted = true
      at = chunk.readInt32BE(0)
      this.push(greeting(this.#role))
    }
    for (; at < chunk.length; at += 1 + chunk.readInt32BE(at + 1)) {
      const type = chunk[at]
      if (type === parse) this.#isParsed = true
      else if (type === describe) this.#isDescribed = true
      else if (type === simpleQuery) setImmediate(() => this.push(simpleAnswer))
      else if (type === sync) {
        const answer = answers[Number(this.#isParsed)]?.[Number(this.#isDescribed)] as Buffer
        this.#isParsed = false
        this.#isDescribed = false
        // An answer never comes while the statement is being sent.
        setImmediate(() => this.push(answer))
      }
    }
  }
}
