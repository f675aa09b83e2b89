// The site's service worker. It answers what is only fetched, and keeps it, so that a later visit needs no network.
// JupyterLite's own, which carries files between the notebook's Python and the page, is loaded below as it is; names at
// the top of the two must differ.
const COURSE_CACHE = "course-%BUILD%";
// Named by their content, or by a version that never changes: what is kept is right.
const KEPT_FIRST = /\/(static\/pyodide\/[^/]+\.(whl|zip|wasm)|build\/[^/]+\.[0-9a-f]{7,}\.\w+|extensions\/.+\.[0-9a-f]{12,}\.js)$/;
const NOT_FETCHED = /\/api\/(drive|stdin|service-worker-heartbeat)/;

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("course-") && name !== COURSE_CACHE;
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const ours = request.method === "GET" && url.href.startsWith(self.registration.scope) && !NOT_FETCHED.test(url.pathname);
  if (!ours || request.headers.has("range")) return;
  event.stopImmediatePropagation();
  event.respondWith(KEPT_FIRST.test(url.pathname) ? keptFirst(event) : freshFirst(event));
});

/** @param {FetchEvent} event */
async function keptFirst(event) {
  return (await kept(event.request)) ?? fetched(event).catch(() => keptByBrowser(event.request));
}

/** @param {FetchEvent} event */
async function freshFirst(event) {
  try {
    // Without this a browser may take a page as fresh for months, by its date alone, and never see the newer course.
    return await fetched(event, { cache: "no-cache" });
  } catch {
    return (await kept(event.request)) ?? keptByBrowser(event.request);
  }
}

/** Addresses are kept without their query: one page for all notebooks, and a script with or without its ?v=. */
const plain = (/** @type {Request} */ request) => request.url.split("?")[0];
const kept = (/** @type {Request} */ request) => caches.match(plain(request), { ignoreVary: true });
/** What was fetched before this worker was there may still be with the browser itself. */
const keptByBrowser = (/** @type {Request} */ request) => fetch(request, { cache: "force-cache" });

/** @param {FetchEvent} event @param {RequestInit} [how] */
async function fetched(event, how) {
  const answer = await fetch(event.request, how);
  if (answer.ok && answer.type === "basic" && !answer.redirected) {
    event.waitUntil(keep(plain(event.request), answer.clone()).catch(() => {}));
  }
  return answer;
}

/** Write to the disk only what is not there yet. @param {string} address @param {Response} answer */
async function keep(address, answer) {
  const cache = await caches.open(COURSE_CACHE);
  const stamp = (/** @type {Response | undefined} */ one) => one && (one.headers.get("etag") ?? one.headers.get("last-modified"));
  if (stamp(answer) && stamp(answer) === stamp(await cache.match(address, { ignoreVary: true }))) {
    await answer.body?.cancel(); // or the browser would hold what nobody reads
  } else await cache.put(address, answer);
}

importScripts("./jupyterlite-service-worker.js");
