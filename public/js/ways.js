// @ts-check
import { recall, remember } from './memory.js'

/** The ways to sign in that the server said it has, the first one first. @returns {string[]} */
export function ways() {
  return recall('ways', ['name'])
}

/** @param {string[]} told */
export function learnWays(told) {
  remember('ways', told)
}

/** Reports whether this browser can make and show passkeys, and the server takes them. */
export function hasPasskeys() {
  return ways().includes('passkey') && typeof globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON === 'function'
}
