// Scripts and modules that do not run, which trying again rarely changes.

/**
 * Browsers tell a page hardly more than that a script did not run. `path` is seen from the script at `from`: where a bundler has
 * moved it only `new Worker` knows.
 */
export function scriptFault(path: string, from: string, why: string | undefined): string {
  const script = new URL(path, from).href;
  if (why) return `${script} failed: ${why}`;
  return `${script} (or what a bundler made of it) could not be run: maybe it is missing, from another origin, not served as JavaScript, or forbidden by worker-src`;
}

/** What ends a worker that its successor would end of, too. */
export class LastingFault extends Error {}
