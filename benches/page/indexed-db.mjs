// Values in an IndexedDB store of their own, without a library in between.

const store = 'values';

const settled = request =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

let opening;
function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('bench-values');
    request.onupgradeneeded = () => request.result.createObjectStore(store);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

/** Resolves when it is on the disk. */
export async function writeValue(key, value) {
  const transaction = (await database()).transaction(store, 'readwrite', { durability: 'strict' });
  transaction.objectStore(store).put(value, key);
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
}

export async function readValue(key) {
  return settled((await database()).transaction(store).objectStore(store).get(key));
}

/** `take` gets each key with its value, while the next ones are being read. */
export async function readValues(keys, inFlight, take) {
  const transaction = (await database()).transaction(store);
  const left = [...keys];
  const reader = async () => {
    for (let key = left.shift(); key !== undefined; key = left.shift()) {
      take(key, await settled(transaction.objectStore(store).get(key)));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, reader));
}
