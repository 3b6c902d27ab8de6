// What a store must have, from what the page was told: batches of rows that were sent, acknowledged, and deleted again.

/** `state` is 'sent', 'kept', 'deleting' or 'gone'; only 'sent' and 'deleting' may be found either way. */
export class Model {
  #states = new Map();
  #rows;

  constructor(rowsOfBatch) {
    this.#rows = rowsOfBatch;
  }

  get next() {
    return this.#states.size;
  }

  /** Batches that are there and nobody is at. */
  get kept() {
    return [...this.#states].filter(([, state]) => state === 'kept').map(([batch]) => batch);
  }

  /** The browser has deleted its database, and says so. */
  forget() {
    for (const batch of this.#states.keys()) this.#states.set(batch, 'gone');
  }

  note(operation, batch, isDone) {
    const states = { insert: ['sent', 'kept'], delete: ['deleting', 'gone'] }[operation];
    if (states) this.#states.set(batch, states[isDone ? 1 : 0]);
  }

  /**
   * What is wrong with the rows that were found, by batch. What was under way at the kill is now known: it happened as a whole
   * or not at all, and stays so.
   */
  check(rowsOf) {
    const wrong = { lost: 0, doubled: 0, partly: 0, unexpected: 0 };
    for (const [batch, state] of this.#states) {
      const rows = rowsOf[batch] ?? 0;
      if (rows > this.#rows) wrong.doubled += 1;
      if (state === 'kept' && rows < this.#rows) {
        wrong.lost += 1;
        // Counted once.
        if (rows === 0) this.#states.set(batch, 'gone');
      }
      if (state === 'gone' && rows > 0) wrong.unexpected += 1;
      if (state !== 'sent' && state !== 'deleting') continue;
      if (rows > 0 && rows < this.#rows) wrong.partly += 1;
      this.#states.set(batch, rows > 0 ? 'kept' : 'gone');
    }
    for (const batch of Object.keys(rowsOf)) if (!this.#states.has(Number(batch))) wrong.unexpected += 1;
    return wrong;
  }
}
