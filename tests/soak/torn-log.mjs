// What a kill in the middle of a write leaves at the end of Chromium's log, made on purpose: it happens by itself about once in
// 200 kills. The browser passes over it at the next start, but appends behind it, and at the start after that it takes what
// it finds for corruption and throws the whole store away, or, of names in OPFS, forgets those behind it in the same block.
import { appendFileSync, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const blockBytes = 32_768;
const headerBytes = 7;

/** A record's header that promises more than follows. */
function tornRecord(room) {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(0x12345678, 0);
  header.writeUInt16LE(Math.min(room - headerBytes, 4000), 4);
  header.writeUInt8(1, 6);
  return Buffer.concat([header, Buffer.alloc(20, 0x55)]);
}

/** Of the databases, and of the names of files in OPFS. */
function logFolders(profile) {
  const within = (folder, wanted) => (existsSync(folder) ? readdirSync(folder).filter(wanted).map(name => join(folder, name)) : []);
  const databases = within(join(profile, 'Default/IndexedDB'), name => name.endsWith('.leveldb'));
  const origins = within(join(profile, 'Default/File System'), name => /^\d+$/.test(name));
  return [...databases, ...origins.map(origin => join(origin, 't/Paths')).filter(existsSync)];
}

export function tearLog(profile) {
  for (const folder of logFolders(profile)) {
    const log = join(folder, readdirSync(folder).filter(file => file.endsWith('.log')).sort().at(-1));
    const room = blockBytes - (statSync(log).size % blockBytes);
    // So close to the end of a block no such record could begin.
    if (room > 100) appendFileSync(log, tornRecord(room));
  }
}
