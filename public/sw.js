// @ts-check
/// <reference lib="webworker" />

// Keeps the shell: the page and its files, never what is said. A page that is
// online always gets the server's own files; without a network, or with one
// that says nothing, it opens with the kept ones.
const CACHE = 'confab-shell'
const PATIENCE = 3_000 // milliseconds for the page itself
const SHELL = /^\/((css|js|icons)\/.+|manifest\.webmanifest)?$/

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self))

worker.addEventListener('install', () => void worker.skipWaiting())
worker.addEventListener('activate', event => event.waitUntil(worker.clients.claim()))

worker.addEventListener('message', event => event.waitUntil(keep(event.data)))

worker.addEventListener('fetch', event => {
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  if (request.method !== 'GET' || origin !== location.origin) return
  if (request.mode === 'navigate') event.respondWith(answer(request, '/'))
  else if (pathname !== '/' && SHELL.test(pathname)) event.respondWith(answer(request, pathname))
})

worker.addEventListener('notificationclick', event => {
  event.notification.close()
  event.waitUntil(show(event.notification.data.path))
})

/** @param {string[]} addresses */
async function keep(addresses) {
  const cache = await caches.open(CACHE)
  const paths = addresses.map(address => new URL(address, location.origin)).filter(({ origin, pathname }) => origin === location.origin && SHELL.test(pathname))
  for (const path of new Set(paths.map(({ pathname }) => pathname))) await cache.add(path).catch(() => {}) // one by one: the page needs the connections
}

/** @param {Request} request @param {string} path @returns {Promise<Response>} */
async function answer(request, path) {
  const kept = await caches.match(path)
  const fresh = fetch(request).then(async response => {
    if (response.ok && !response.redirected && isShell(response, path)) await (await caches.open(CACHE)).put(path, response.clone())
    return response
  })
  if (!kept) return fresh
  const late = new Promise(resolve => setTimeout(resolve, PATIENCE, kept))
  return Promise.race([fresh.catch(() => kept), late])
}

/** Only the page itself is kept as the page. @param {Response} response @param {string} path */
function isShell(response, path) {
  return path !== '/' || !!response.headers.get('Content-Type')?.startsWith('text/html')
}

/** @param {string} path */
async function show(path) {
  const [open] = await worker.clients.matchAll({ type: 'window' })
  if (!open) return worker.clients.openWindow(path)
  open.postMessage({ open: path })
  return open.focus()
}
