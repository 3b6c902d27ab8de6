/** How long something takes that was not killed: kills are spread over that time. */
export class Durations {
  #known;

  /** `guess` counts as one of them. */
  constructor(guess) {
    this.#known = [guess];
  }

  add(ms) {
    this.#known.push(ms);
  }

  random() {
    const sorted = this.#known.toSorted((a, b) => a - b);
    return Math.random() * sorted[Math.floor(sorted.length / 2)];
  }
}
