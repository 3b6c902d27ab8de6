// Work that may take longer than a frame is a generator that yields now and then, so that a page can do something else.

export type Steps<T> = Generator<void, T, void>;

export const ROWS_OF_STEP = 256;
const BYTES_OF_STEP = 512 << 10;
const BUSY_MS = 2;

/** Whether to yield at a row: with fewer rows there is no need to. */
export const isStep = (row: number): boolean => row % ROWS_OF_STEP === ROWS_OF_STEP - 1;

/** Does something with all rows, which have some bytes together, in ranges of as many as one step takes. */
export function* rangeSteps(rows: number, bytes: number, work: (range: { start: number; end: number }) => void): Steps<void> {
  const rowsOfStep = Math.max(1, Math.min(ROWS_OF_STEP, Math.floor((rows * BYTES_OF_STEP) / Math.max(1, bytes))));
  for (let start = 0; start < rows; start += rowsOfStep) {
    if (start > 0) yield;
    work({ start, end: Math.min(rows, start + rowsOfStep) });
  }
}

export function atOnce<T>(work: Steps<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** Leaves the thread to others whenever some milliseconds have passed, as they may have before work of several steps. */
export async function inSteps<T>(work: Steps<T>): Promise<T> {
  for (let start = -Infinity; ; ) {
    const step = work.next();
    if (step.done) return step.value;
    if (performance.now() - start < BUSY_MS) continue;
    await nextTask();
    start = performance.now();
  }
}

/** A message to oneself is the shortest way to a new task: timers are held back to 4 ms once they nest. */
export function nextTask(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise(resolve => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
