// What the store must answer while several tabs change it: for each partition what is certain, and what may be either way
// because its change is under way or its tab has gone before it was answered.
import { dim, firstIdOf, vectorOf, writeVector } from './rows.mjs';

export class Partition {
  /** Of the rows that were there from the start, those that are certainly gone. */
  gone = new Set();
  /** Rows that came later and are certainly there. */
  extra = new Set();
  /** Rows that may be there or not. */
  maybe = new Set();
  /** undefined when a load or release was not answered. */
  loaded = false;
  busy = false;
  /** Rises with every change's begin and end. */
  version = 0;

  constructor(number, rows) {
    this.number = number;
    this.firstId = firstIdOf(number);
    this.rows = rows;
    this.nextId = this.firstId + rows;
    this.vectors = new Float32Array(rows * dim);
    for (let row = 0; row < rows; row += 1) writeVector(this.firstId + row, this.vectors, row * dim);
  }

  isInitial(id) {
    return id < this.firstId + this.rows;
  }

  get certainRows() {
    const doubtful = [...this.maybe].filter(id => this.isInitial(id)).length;
    return this.rows - this.gone.size - doubtful + this.extra.size;
  }

  get possibleRows() {
    return this.certainRows + this.maybe.size;
  }

  begin(ids = []) {
    this.busy = true;
    this.version += 1;
    for (const id of ids) {
      this.extra.delete(id);
      this.maybe.add(id);
    }
  }

  end() {
    this.busy = false;
    this.version += 1;
  }

  /** It is now known whether these rows are there. */
  settle(ids, areThere) {
    for (const id of ids) {
      this.maybe.delete(id);
      if (this.isInitial(id)) areThere ? this.gone.delete(id) : this.gone.add(id);
      else if (areThere) this.extra.add(id);
      else this.extra.delete(id);
    }
  }

  newIds(count) {
    const from = this.nextId;
    this.nextId += count;
    return Array.from({ length: count }, (_, at) => from + at);
  }

  /** A row that is there, by chance. */
  anyId(random) {
    for (;;) {
      const id = this.firstId + Math.floor(random() * (this.nextId - this.firstId));
      if (!this.maybe.has(id) && (this.isInitial(id) ? !this.gone.has(id) : this.extra.has(id))) return id;
    }
  }

  * distances(query) {
    for (let row = 0; row < this.rows; row += 1) {
      const id = this.firstId + row;
      if (!this.gone.has(id)) yield [id, distance(query, this.vectors, row * dim)];
    }
    for (const id of this.extra) yield [id, distance(query, vectorOf(id), 0)];
  }
}

function distance(query, values, at) {
  let sum = 0;
  for (let place = 0; place < dim; place += 1) {
    const difference = query[place] - values[at + place];
    sum += difference * difference;
  }
  return sum;
}

/** The distances of the nearest rows of some partitions, ascending. */
export function nearest(partitions, query, limit) {
  let best = [];
  let worst = Infinity;
  for (const partition of partitions) {
    for (const [id, score] of partition.distances(query)) {
      if (score >= worst) continue;
      best.push({ id, score });
      if (best.length < 4 * limit) continue;
      best = best.sort((a, b) => a.score - b.score).slice(0, limit);
      worst = best.at(-1).score;
    }
  }
  return best.sort((a, b) => a.score - b.score).slice(0, limit);
}
