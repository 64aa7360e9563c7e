// @ts-check

/** @typedef {{user: import('./chat.js').User, limits: import('./limits.js').Limits, transports: string[], page: import('./room/room.js').Page & {room: string}}} Rendered */

/** @type {Rendered | null} what the server filled into this document: who it is for, and the lines in it */
export const rendered = read()

let taken = false

/** The page of lines that a room goes on from, once: later ones are read. @param {string} room */
export function takePage(room) {
  if (taken || rendered?.page.room !== room) return null
  taken = true
  return rendered.page
}

function read() {
  const data = document.getElementById('rendered')?.textContent
  return data ? JSON.parse(data) : null
}
