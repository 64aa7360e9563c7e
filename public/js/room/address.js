// @ts-check
import { LOBBY, isRoom } from '../chat.js'

/** The room that the address names; null: none that can be. */
export function roomInAddress() {
  const [, r, name] = location.pathname.split('/')
  const asked = r === 'r' ? name : new URLSearchParams(location.search).get('room') ?? LOBBY
  return isRoom(asked) && (r === 'r' || location.pathname === '/') ? asked : null
}

/** The line that the address names, if it does. */
export function lineInAddress() {
  const [, r, , id] = location.pathname.split('/')
  return r === 'r' && /^\d+-\d+$/.test(id ?? '') ? id : null
}
