// Has a worker of a store panic, which no user can ask for: over a port to the coordinator that is asked for as tabs do.

/** `node` is a node's id, or empty for the coordinator. Rejects with what the worker said when it ended. */
export async function panic(store, node) {
  const tabs = new BroadcastChannel(`elanus:${store}:tabs`);
  const want = crypto.randomUUID();
  const name = await new Promise(resolve => {
    tabs.onmessage = ({ data }) => data.to === want && resolve(data.offer);
    tabs.postMessage({ want });
  });
  tabs.close();
  const port = new BroadcastChannel(name);
  try {
    return await new Promise((resolve, reject) => {
      port.onmessage = ({ data }) => {
        if ('hello' in data) port.postMessage({ id: 1, method: '__panic', body: node, blobs: [] });
        else if ('fatal' in data) reject(new Error(data.fatal));
        else if (data.id === 1) resolve(data.body);
      };
      port.postMessage('knock');
    });
  } finally {
    port.close();
  }
}
