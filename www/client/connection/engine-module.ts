// Getting the wasm module.

export async function compileEngine(locate: () => URL, signal: AbortSignal | null = null): Promise<WebAssembly.Module> {
  const url = locate();
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url.href}: ${response.status} ${response.statusText}`);
  // Streaming needs the right MIME type, which many static servers do not send.
  const isWasm = response.headers.get('content-type')?.startsWith('application/wasm') ?? false;
  return isWasm ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
