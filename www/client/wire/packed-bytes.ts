// Values laid end to end as bytes, with their positions. Of strings, a lone surrogate becomes U+FFFD, as in every UTF-8 encoder.

const encoder = new TextEncoder();

export class PackedBytes {
  #bytes: Uint8Array<ArrayBuffer>;
  #used = 0;
  #offsets: number[] = [0];

  constructor(room = 1024) {
    this.#bytes = new Uint8Array(room);
  }

  push(text: string): void {
    // Three bytes a UTF-16 unit is the most UTF-8 needs.
    this.#reserve(text.length * 3);
    this.#used += encoder.encodeInto(text, this.#bytes.subarray(this.#used)).written;
    this.#offsets.push(this.#used);
  }

  pushBytes(bytes: Uint8Array): void {
    this.#reserve(bytes.byteLength);
    this.#bytes.set(bytes, this.#used);
    this.#used += bytes.byteLength;
    this.#offsets.push(this.#used);
  }

  #reserve(bytes: number): void {
    const needed = this.#used + bytes;
    if (needed <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2));
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }

  get offsets(): Uint32Array {
    return Uint32Array.from(this.#offsets);
  }

  get data(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#used);
  }
}
