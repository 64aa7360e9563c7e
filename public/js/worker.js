// @ts-check
/// <reference lib="webworker" />

// Keeps one release of the page: its markup and its files, never what is said.
// The names of the files hold hashes, so a kept file is the right one or none.
// A room's own document comes from the server, with its lines; the kept page
// stands in when there is no network, or one that says nothing.
// `make page` fills in RELEASE, a hash of it all, and FILES, their addresses.
/* global RELEASE, FILES */
const CACHE = `confab-${RELEASE}`
const RELEASES = 2 // that are kept: a tab may still show the one before
const PATIENCE = 1_000 // milliseconds for a room's document
const KEPT = /^\/((app|icons)\/.+|manifest\.webmanifest)$/
const ROOM = /^\/r\/[^/]+(\/[^/]+)?$/

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self))

worker.addEventListener('install', event => event.waitUntil(install()))
worker.addEventListener('activate', event => event.waitUntil(activate()))

worker.addEventListener('fetch', event => {
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  if (request.method !== 'GET' || origin !== location.origin) return
  if (request.mode !== 'navigate') return KEPT.test(pathname) && event.respondWith(file(request))
  if (pathname === '/') event.respondWith(page().then(kept => kept ?? fetch(request)))
  else if (ROOM.test(pathname)) event.respondWith(room(event))
})

worker.addEventListener('notificationclick', event => {
  event.notification.close()
  event.waitUntil(show(event.notification.data.path))
})

/** Takes a release whole or not at all: of two servers one may still have the old one. */
async function install() {
  const fresh = await fetch('/', { cache: 'reload' })
  const markup = await fresh.clone().text()
  if (!fresh.ok || !FILES.filter(file => file.startsWith('/app/main-')).every(file => markup.includes(file))) throw new Error('the page is of another release')
  const cache = await caches.open(CACHE)
  await cache.addAll(FILES)
  await cache.put('/', fresh)
  await worker.skipWaiting()
}

async function activate() {
  const releases = (await caches.keys()).filter(name => name.startsWith('confab-'))
  const old = releases.filter(name => name !== CACHE).slice(0, 1 - RELEASES)
  await Promise.all(old.map(name => caches.delete(name)))
  await worker.registration.navigationPreload?.enable()
  await worker.clients.claim()
}

/** The page as this release has it. */
async function page() {
  return (await caches.open(CACHE)).match('/')
}

/** A file by its name, of whatever release. @param {Request} request */
async function file(request) {
  const kept = await caches.match(request)
  if (kept) return kept
  const fresh = await fetch(request)
  if (fresh.ok && new URL(request.url).pathname.startsWith('/app/')) await (await caches.open(CACHE)).put(request, fresh.clone())
  return fresh
}

/** A room as the server has it, or else the kept page. @param {FetchEvent} event @returns {Promise<Response>} */
async function room(event) {
  const kept = await page()
  const fresh = Promise.resolve(event.preloadResponse).then(preloaded => preloaded ?? fetch(event.request))
  if (!kept) return fresh
  const late = new Promise(resolve => setTimeout(resolve, PATIENCE, kept))
  return Promise.race([fresh.then(response => (response.status < 500 ? response : kept), () => kept), late])
}

/** @param {string} path */
async function show(path) {
  const [open] = await worker.clients.matchAll({ type: 'window' })
  if (!open) return worker.clients.openWindow(path)
  open.postMessage({ open: path })
  return open.focus()
}
