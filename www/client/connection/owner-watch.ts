// Notices that the owner of a store has fallen silent (its process is stopped, say) while something waits for it. Silence is
// counted in beats that pass without an answer and not in time, because answers queue up while this page's own thread is busy:
// each beat lets them in, however long the one before was delayed.

const BEAT_MS = 250;
const BEATS_OF_SILENCE = 4;

export class OwnerWatch {
  #handlers: { ask(): void; onSilence(): void };
  #waiting = 0;
  #unanswered = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(handlers: { ask(): void; onSilence(): void }) {
    this.#handlers = handlers;
  }

  /** Watches until the promise settles. */
  async during<T>(waited: Promise<T>): Promise<T> {
    this.#waiting++;
    this.#timer ??= setTimeout(this.#beat, BEAT_MS);
    try {
      return await waited;
    } finally {
      this.#waiting--;
    }
  }

  /** The owner answered, or there is a new one. */
  heard(): void {
    this.#unanswered = 0;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unanswered = 0;
  }

  #beat = (): void => {
    if (this.#waiting === 0) {
      this.stop();
      return;
    }
    this.#timer = setTimeout(this.#beat, BEAT_MS);
    if (this.#unanswered < BEATS_OF_SILENCE) {
      this.#unanswered++;
      this.#handlers.ask();
    } else {
      this.#unanswered = 0;
      this.#handlers.onSilence();
    }
  };
}
