// @ts-check
import { isRoom, roomNamed } from '../chat.js'

/** The address that a title makes; "" where it makes none. @param {string} title */
export function addressOf(title) {
  const letters = [...roomNamed(title).replace(/[\s/]+/gu, '-')].filter(letter => /[\p{L}\p{M}\p{Nd}._-]/u.test(letter)).join('')
  const address = letters.replace(/-+/g, '-').replace(/^[^\p{L}\p{Nd}]+|[^\p{L}\p{M}\p{Nd}]+$/gu, '').slice(0, 63)
  return isRoom(address) ? address : ''
}
