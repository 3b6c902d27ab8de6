// Files of the origin's private file system, for engines that leave the storing to the page.

const folder = () => navigator.storage.getDirectory();

export async function writeFile(name, bytes) {
  const writable = await (await (await folder()).getFileHandle(name, { create: true })).createWritable();
  await writable.write(bytes);
  await writable.close();
}

export async function readFile(name) {
  const file = await (await (await folder()).getFileHandle(name)).getFile();
  return new Uint8Array(await file.arrayBuffer());
}
