import { freemem } from 'node:os';
import { run } from '../scripts/run.mjs';

const BLOCK_BYTES = 100e6;
const MAX_BLOCKS = 40;

/**
 * Has the machine's free memory at hand: a virtual machine gets it from its host at the first touch, which takes as long as
 * writing as much to a disk (3 ms a MB was seen), and gives back what has been free for some seconds.
 */
export async function touchMemory() {
  const blocks = Math.min(MAX_BLOCKS, Math.floor(freemem() / 2 / BLOCK_BYTES));
  const program = `globalThis.kept = Array.from({ length: ${blocks} }, () => Buffer.alloc(${BLOCK_BYTES}, 1))`;
  await run(process.execPath, ['-e', program]);
}
