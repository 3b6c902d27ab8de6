// The worker's global scope, as far as it is used (the DOM library types `self` as a window).

interface WorkerScope {
  name: string;
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
  close(): void;
  onmessage: ((message: MessageEvent) => void) | null;
}

export const scope = globalThis as unknown as WorkerScope;
