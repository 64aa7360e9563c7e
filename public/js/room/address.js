// @ts-check
import { LOBBY, isRoom, roomOf } from '../chat.js'

/** The room that the address names; null: none that can be. */
export function roomInAddress() {
  const asked = location.pathname === '/' ? new URLSearchParams(location.search).get('room')?.normalize('NFC') ?? LOBBY : roomOf(location.pathname)
  return asked !== null && isRoom(asked) ? asked : null
}

/** The line that the address names, if it does. */
export function lineInAddress() {
  const [, r, , id] = location.pathname.split('/')
  return r === 'r' && /^\d+-\d+$/.test(id ?? '') ? id : null
}
