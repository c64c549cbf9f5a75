import type { Socket } from 'node:net'
import type { Faults } from './faults.ts'

const fullBytes = 1 << 20
const halfBytes = fullBytes / 2

interface Parcel {
  /** undefined stands for the end of the stream. */
  readonly bytes: Buffer | undefined
  readonly dueAt: number
}

/** What a wire asks for every chunk: the faults of the moment, and chance. */
export interface Line {
  faults(): Faults
  random(): number
}

/**
 * One direction of a connection: a queue of parcels, each with the time at which it comes out, or comes to the
 * front: none overtakes another, whatever the jitter. The end of the stream travels behind the bytes, and a full
 * queue stops the source, so that a slow line slows the sender instead of filling our memory.
 */
export class Wire {
  readonly #source: Socket
  readonly #sink: Socket
  readonly #line: Line
  readonly #queue: Parcel[] = []
  #queuedBytes = 0
  #lineFreeAt = 0
  #timer: NodeJS.Timeout | undefined
  #isBlocked = false

  constructor(source: Socket, sink: Socket, line: Line) {
    this.#source = source
    this.#sink = sink
    this.#line = line
    source.on('data', (bytes: Buffer) => this.#receive(bytes))
    source.on('end', () => this.#enqueue(undefined))
    sink.on('drain', () => {
      this.#isBlocked = false
      this.wake()
    })
    sink.on('close', () => this.#stop())
  }

  /** Delivers what is due. To be called when the faults have changed. */
  wake(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (this.#isBlocked || this.#line.faults().mode === 'blackhole') return
      const waitMs = next.dueAt - performance.now()
      if (waitMs > 0.5) {
        this.#timer = setTimeout(() => this.wake(), waitMs)
        return
      }
      this.#queue.shift()
      this.#deliver(next)
    }
  }

  // slices of a twentieth of a second, or a slow line would deliver nothing for long and then everything
  #receive(bytes: Buffer): void {
    const { bytesPerSecond } = this.#line.faults()
    const sliceBytes = Math.max(1, Math.min(bytes.length, Math.ceil(bytesPerSecond / 20)))
    for (let at = 0; at < bytes.length; at += sliceBytes) this.#enqueue(bytes.subarray(at, at + sliceBytes))
  }

  #enqueue(bytes: Buffer | undefined): void {
    const { latencyMs, jitterMs, bytesPerSecond } = this.#line.faults()
    const size = bytes?.length ?? 0
    this.#lineFreeAt = Math.max(this.#lineFreeAt, performance.now()) + (size / bytesPerSecond) * 1000
    this.#queue.push({ bytes, dueAt: this.#lineFreeAt + latencyMs + this.#line.random() * jitterMs })
    this.#queuedBytes += size
    if (this.#queuedBytes > fullBytes) this.#source.pause()
    if (this.#timer === undefined) this.wake()
  }

  #deliver({ bytes }: Parcel): void {
    if (bytes === undefined) {
      this.#sink.end()
      return
    }
    this.#queuedBytes -= bytes.length
    if (this.#queuedBytes < halfBytes && this.#source.isPaused()) this.#source.resume()
    this.#isBlocked = !this.#sink.write(bytes)
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#queue.length = 0
    this.#source.resume() // what still comes has nowhere to go
  }
}
