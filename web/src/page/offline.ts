/** The page without a network, its updates, and files that other programs share to it: all by way of the service worker. */
import type { CheckboxCounter } from '../counter/counter.js';
import { SHARED } from './shared.js';

export function startOffline(counter: CheckboxCounter): void {
  // Not there on plain http and in private windows of some browsers: then the page works all the same, online.
  if (!('serviceWorker' in navigator)) return;
  void takeShared(counter);
  let controlled = navigator.serviceWorker.controller !== null;
  let asked = false;
  navigator.serviceWorker.addEventListener('controllerchange', () => {
    // The first worker takes hold of a page that is as new as itself.
    if (!controlled) {
      controlled = true;
      return;
    }
    const reload = () => location.reload();
    // Nobody's work is thrown away because another window has changed to the new version.
    if (asked || counter.size === 0) reload();
    else counter.offerUpdate(reload);
  });
  const start = async () => {
    const registration = await navigator.serviceWorker.register('service-worker.js', { type: 'module' });
    const look = () => {
      const { waiting } = registration;
      if (!waiting || !navigator.serviceWorker.controller) return;
      const change = () => {
        asked = true;
        waiting.postMessage('take over');
      };
      if (counter.size === 0) change();
      else counter.offerUpdate(change);
    };
    look();
    registration.addEventListener('updatefound', () => {
      registration.installing?.addEventListener('statechange', look);
    });
  };
  // After everything that the first page needs.
  const quiet = () => setTimeout(() => void start().catch(() => undefined), 1500);
  if (document.readyState === 'complete') quiet();
  else addEventListener('load', quiet, { once: true });
}

/** Files that were shared to the page lie in a cache until it is open. */
async function takeShared(counter: CheckboxCounter): Promise<void> {
  if (!new URLSearchParams(location.search).has('shared')) return;
  history.replaceState(null, '', location.pathname);
  const cache = await caches.open(SHARED);
  const files: File[] = [];
  for (const request of await cache.keys()) {
    const response = await cache.match(request);
    const name = decodeURIComponent(new URL(request.url).searchParams.get('name') ?? '');
    if (response) files.push(new File([await response.blob()], name));
  }
  await caches.delete(SHARED);
  counter.add(files);
}
