// The files of an export while they grow. What has come lies in Blobs, which the browser keeps out of the page's heap.

/** Smaller pieces are put together first: each Blob costs something, too. */
const BLOB_BYTES = 1 << 20;

export class GrowingFile {
  #name: string;
  #blobs: Blob[] = [];
  #latest: Uint8Array<ArrayBuffer>[] = [];
  #latestBytes = 0;

  constructor(name: string) {
    this.#name = name;
  }

  append(bytes: Uint8Array<ArrayBuffer>): void {
    this.#latest.push(bytes);
    this.#latestBytes += bytes.byteLength;
    if (this.#latestBytes >= BLOB_BYTES) this.#setAside();
  }

  finish(): File {
    this.#setAside();
    return new File(this.#blobs, this.#name);
  }

  #setAside(): void {
    if (this.#latestBytes > 0) this.#blobs.push(new Blob(this.#latest));
    this.#latest = [];
    this.#latestBytes = 0;
  }
}
