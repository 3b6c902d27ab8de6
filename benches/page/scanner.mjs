// The scan of benches/limits, for node and for workers.

export async function scanner(moduleBytes) {
  const { instance: { exports: engine } } = await WebAssembly.instantiate(moduleBytes);
  const memory = () => engine.memory.buffer;
  const reserve = bytes => {
    const at = engine.reserve(bytes);
    return { at, bytes: () => new Uint8Array(memory(), at, bytes) };
  };

  /** Of `rows` vectors and, unless it is undefined, a tag each; both are filled by the caller. */
  function table(rows, dim, k) {
    const vectors = reserve(rows * dim * Float32Array.BYTES_PER_ELEMENT);
    const tags = reserve(rows);
    const query = reserve(dim * Float32Array.BYTES_PER_ELEMENT);
    const best = { rows: reserve(k * 4), products: reserve(k * 4) };
    return {
      vectorBytes: vectors.bytes,
      tagBytes: tags.bytes,
      /** The nearest of the first `count` rows; with `below`, of those whose tag is less. */
      scan(vector, count, below) {
        query.bytes().set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
        const tagsAt = below === undefined ? 0 : tags.at;
        const found = engine.scan(vectors.at, count, dim, tagsAt, below ?? 0, query.at, k, best.rows.at, best.products.at);
        return {
          rows: [...new Uint32Array(memory(), best.rows.at, found)],
          products: [...new Float32Array(memory(), best.products.at, found)],
        };
      },
    };
  }

  return { table };
}
