// @ts-check

// What this browser remembers. A full or forbidden store forgets; the page goes on.
const PREFIX = 'confab.'

/**
 * @template T
 * @param {string} name
 * @param {T} otherwise
 * @returns {T}
 */
export function recall(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name) ?? '') ?? otherwise
  } catch {
    return otherwise
  }
}

/** @param {string} name @param {unknown} value */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value))
  } catch { /* full or forbidden */ }
}

/** Forgets one thing, or with a dot at the end all things that begin so. @param {string} name */
export function forget(name) {
  if (!name.endsWith('.')) return localStorage.removeItem(PREFIX + name)
  for (const one of recallAll(name)) localStorage.removeItem(PREFIX + name + one)
}

/** The rest of the names of all things remembered under a prefix. @param {string} prefix */
export function recallAll(prefix) {
  return Object.keys(localStorage)
    .filter(key => key.startsWith(PREFIX + prefix))
    .map(key => key.slice((PREFIX + prefix).length))
}

/** Calls back when another tab changes a thing. @param {string} name @param {() => void} then */
export function onRemembered(name, then) {
  addEventListener('storage', event => {
    if (event.key === null || event.key.startsWith(PREFIX + name)) then()
  })
}
