// NumPy's file format, as far as the bench writes it and reads it again.

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const ALIGNMENT = 64;
/** Magic, version and the length of the header's text. */
const PREFIX = 10;

/** Version 1, rows one after another. */
export function npyHeader(dtype, shape) {
  const text = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const length = Math.ceil((PREFIX + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = `${text.padEnd(length - PREFIX - 1)}\n`;
  return Uint8Array.from([...MAGIC, 1, 0, header.length & 255, header.length >> 8, ...new TextEncoder().encode(header)]);
}

/** Where the values begin in a file that begins with these bytes. */
export const npyStart = bytes => PREFIX + bytes[8] + 256 * bytes[9];
