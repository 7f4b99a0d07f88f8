/** How long the page's own thread was busy at a stretch, from what Chromium records of itself. */

/** What has to be recorded for it. */
export const TRACED = ['toplevel', 'disabled-by-default-devtools.timeline'];

/**
 * The longest task of the page's main thread in a trace, in milliseconds of the processor: what another program takes of it
 * is not the page's fault.
 */
export function longestTask(trace: Buffer): number {
  interface Entry {
    name: string;
    ph: string;
    pid: number;
    tid: number;
    tdur?: number;
    args?: { name?: string };
  }
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: Entry[] };
  const main = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(
    ({ name, ph, pid, tid, tdur }) =>
      ph === 'X' && tdur !== undefined && /RunTask$/.test(name) && main.has(`${pid} ${tid}`),
  );
  if (tasks.length === 0) throw new Error('nothing was recorded of the page');
  return Math.max(...tasks.map(({ tdur }) => tdur ?? 0)) / 1000;
}
