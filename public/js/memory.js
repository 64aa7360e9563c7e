// @ts-check

// What this browser remembers, and what this tab remembers where the browser
// does not: its storage may be forbidden, missing or full, and may be cleared
// at any time. Nothing here throws.
const PREFIX = 'confab.'
const MOST = 250 << 10 // of one thing, in UTF-16 units; what is longer stays in this tab
const CONVERSATION = ['me', 'rooms', 'why', 'read.', 'saved.', 'draft.', 'outbox.', 'labels', 'inbox']

/** @type {Map<string, string>} what the storage did not take */
const kept = new Map()

/**
 * @template T
 * @param {string} name
 * @param {T} otherwise
 * @returns {T}
 */
export function recall(name, otherwise) {
  try {
    return JSON.parse(kept.get(name) ?? storage()?.getItem(PREFIX + name) ?? '') ?? otherwise
  } catch {
    return otherwise
  }
}

/** @param {string} name @param {unknown} value */
export function remember(name, value) {
  const text = JSON.stringify(value)
  let taken = text.length <= MOST && write(name, text)
  while (!taken && text.length <= MOST && evict(name)) taken = write(name, text)
  if (taken) kept.delete(name)
  else kept.set(name, text)
}

/** Forgets one thing, or with a dot at the end all things that begin so. @param {string} name */
export function forget(name) {
  const all = name.endsWith('.') ? recallAll(name).map(one => name + one) : [name]
  for (const one of all) {
    kept.delete(one)
    remove(PREFIX + one)
  }
}

/** Forgets who was here and everything that they read and wrote. The choices stay, and the name for the next login. */
export function forgetConversation() {
  for (const what of CONVERSATION) forget(what)
}

/** The rest of the names of all things remembered under a prefix. @param {string} prefix */
export function recallAll(prefix) {
  const names = [...stored(), ...kept.keys()].filter(name => name.startsWith(prefix))
  return [...new Set(names)].map(name => name.slice(prefix.length))
}

/**
 * Calls back when another tab changes a thing, or clears all.
 * @param {string} name or what it begins with
 * @param {(name: string, forgotten: boolean) => void} then
 */
export function onRemembered(name, then) {
  globalThis.addEventListener?.('storage', ({ key, newValue }) => {
    if (key === null) then('', false)
    else if (key.startsWith(PREFIX + name)) then(key.slice(PREFIX.length), newValue === null)
  })
}

function storage() {
  try {
    return globalThis.localStorage ?? null
  } catch {
    return null // the site's data is blocked
  }
}

function stored() {
  try {
    return Object.keys(storage() ?? {}).filter(key => key.startsWith(PREFIX)).map(key => key.slice(PREFIX.length))
  } catch {
    return []
  }
}

/** Reports whether the storage took it. @param {string} name @param {string} text */
function write(name, text) {
  try {
    const place = storage()
    place?.setItem(PREFIX + name, text)
    return !!place
  } catch {
    return false
  }
}

/** @param {string} key */
function remove(key) {
  try {
    storage()?.removeItem(key)
  } catch { /* there is nothing to remove */ }
}

/** Makes room: the saved copy of the room that was read longest ago goes. Reports whether there was one. @param {string} spare */
function evict(spare) {
  const oldest = stored().filter(name => name.startsWith('saved.') && name !== spare)
    .map(name => ({ name, at: parseInt(recall(name, { cursor: '0' })?.cursor ?? '0', 10) || 0 }))
    .sort((a, b) => a.at - b.at)[0]
  if (oldest) remove(PREFIX + oldest.name)
  return !!oldest
}
