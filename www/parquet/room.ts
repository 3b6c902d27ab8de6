// The memory that pages of a file have, all columns together. Few bytes of a file can stand for any number of values, and a
// worker that has no memory left takes its page along.

/** Pages are of about 1 MB, and a browser gives the objects of a worker 2 to 4 GB. */
const MAX_BYTES = 2 ** 31;

export class Room {
  #taken = 0;

  /** Before anything of that size is made. */
  take(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken > MAX_BYTES) throw new Error('its pages take more than 2 GB of memory at once');
  }

  free(bytes: number): void {
    this.#taken -= bytes;
  }
}
