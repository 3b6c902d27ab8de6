// A worker that is started before it is known whether it will be wanted, because starting takes as long as finding that out.

export class SpareWorker {
  #worker: Worker | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** It is ended when nobody has taken it within `patienceMs`. */
  constructor(start: () => Worker, patienceMs: number) {
    try {
      this.#worker = start();
    } catch {
      // Whoever wants one starts it again, and reports why that fails.
      return;
    }
    this.#timer = setTimeout(this.end, patienceMs);
    // All that it says before it is taken is that something is wrong.
    this.#worker.onmessage = this.end;
    this.#worker.onerror = event => {
      event.preventDefault?.();
      this.end();
    };
  }

  postMessage(message: unknown): void {
    this.#worker?.postMessage(message);
  }

  /** Once; `undefined` when it has ended. */
  take(): Worker | undefined {
    const worker = this.#worker;
    clearTimeout(this.#timer);
    this.#worker = undefined;
    return worker;
  }

  end = (): void => {
    this.take()?.terminate();
  };
}
