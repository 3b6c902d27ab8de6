// Ways to measure in a page whose clock steps by a tenth of a millisecond, because it is not isolated.

/** Timers within timers wait at least this long. */
const TIMER_MS = 4;

/** Gives a function that tells the longest time for which the page's thread let a timer wait. */
export function watchThread() {
  let [longest, last, isOver] = [0, performance.now(), false];
  const tick = () => {
    const now = performance.now();
    [longest, last] = [Math.max(longest, now - last - TIMER_MS), now];
    if (!isOver) setTimeout(tick, TIMER_MS);
  };
  setTimeout(tick, TIMER_MS);
  return async () => {
    // A block that lasts until now has its timer still waiting.
    await new Promise(resolve => setTimeout(resolve, TIMER_MS));
    isOver = true;
    return longest;
  };
}

const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

/** So many times the clock's step that a batch is measured to a few percent. */
const BATCH_MS = 3;
const WARM_UP_MS = 300;

/** What one call takes, in batches of `batch` calls, each with the next number: the median and the 95th percentile. */
export async function latency(call, { forMs = 1500, minBatches = 20 } = {}) {
  let number = 0;
  const run = async calls => {
    const began = performance.now();
    for (let i = 0; i < calls; i += 1) await call(number++);
    return performance.now() - began;
  };
  const warm = performance.now();
  while (performance.now() - warm < WARM_UP_MS) await run(1);
  const batch = Math.max(1, Math.ceil(BATCH_MS / ((await run(10)) / 10)));
  const times = [];
  const began = performance.now();
  while (times.length < minBatches || performance.now() - began < forMs) {
    times.push((await run(batch)) / batch);
    // Engines that work in the page's thread would never let the browser do anything.
    await new Promise(resolve => setTimeout(resolve));
  }
  times.sort((a, b) => a - b);
  return { medianMs: quantile(times, 0.5), p95Ms: quantile(times, 0.95), batch };
}

const channel = new MessageChannel();

/** Lets the page's thread do something else. Continuations of `scheduler.yield` would go before timers, and nested timers wait. */
export const breathe = () =>
  new Promise(resolve => {
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(undefined);
  });
