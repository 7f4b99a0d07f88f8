/**
 * The page without a network. All its files are kept in one cache, named after their content, so that no visit ever gets
 * files of two versions: a new version is fetched whole, beside the old one, and takes over when the page says so.
 */
import { SHARED } from './shared.js';

/** The part of a service worker's scope that is used here; its own library of types does not go together with that of pages. */
declare const self: {
  registration: ServiceWorkerRegistration;
  clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: Waiting) => void): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetching) => void): void;
};

interface Waiting {
  waitUntil(work: Promise<unknown>): void;
}

interface Fetching {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

/** Written in by the build: each file's path within the folder, and the SHA-256 of its content in hexadecimal. */
declare const FILES: Readonly<Record<string, string>>;
/** Written in by the build: a hash of all of them. */
declare const VERSION: string;

const PREFIX = 'checkbox-counter-page-';
const CACHE = PREFIX + VERSION;
const scope = new URL(self.registration.scope);

self.addEventListener('install', (event) => event.waitUntil(fill()));

self.addEventListener('activate', (event) => {
  const clean = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(clean());
});

self.addEventListener('message', ({ data }) => {
  if (data === 'take over') void self.skipWaiting();
});

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const path = url.pathname.slice(scope.pathname.length) || 'index.html';
  if (event.request.method === 'POST' && path === 'share') event.respondWith(receive(event.request));
  if (event.request.method === 'GET' && Object.hasOwn(FILES, path)) event.respondWith(answer(event.request, path));
});

async function answer(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(CACHE);
  // Not there only if the browser has thrown it away.
  return (await cache.match(new URL(path, scope))) ?? fetch(request);
}

/** Fetches all files; what lies in a cache already, because it has not changed or was loaded by the page, is not fetched again. */
async function fill(): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const [path, hash] of Object.entries(FILES)) {
    const address = new URL(path, scope);
    if (await cache.match(address)) continue;
    const known = await caches.match(address);
    const response =
      (known && (await checked(known, hash))) ??
      // The page has loaded most of it a moment ago; old or not, the hash says whether it is right.
      (await checked(await fetch(address, { cache: 'force-cache' }), hash)) ??
      (await checked(await fetch(address, { cache: 'reload' }), hash));
    // In the middle of a deployment the folder holds files of two versions: try again at the next visit.
    if (!response) throw new Error(`${path} is not of version ${VERSION}`);
    await cache.put(address, response);
  }
}

/** The response, if its content is what this version is made of. */
async function checked(response: Response, hash: string): Promise<Response | undefined> {
  if (!response.ok) return undefined;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await response.clone().arrayBuffer()));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex === hash ? response : undefined;
}

/** Files shared by another program: put aside until the page is open and takes them. */
async function receive(request: Request): Promise<Response> {
  const form = await request.formData();
  const cache = await caches.open(SHARED);
  for (const [index, file] of form.getAll('files').entries()) {
    if (!(file instanceof File)) continue;
    const address = new URL(`share?number=${index}&name=${encodeURIComponent(file.name)}`, scope);
    await cache.put(address, new Response(file));
  }
  return Response.redirect(new URL('./?shared', scope).href, 303);
}
