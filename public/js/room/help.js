// @ts-check
import { say } from '../say-seldom.js'
import { node } from './node.js'
import { openSheet } from './sheet.js'

/** @type {[string[], keyof import('../say-seldom.js').Words][]} */
const KEYS = [
  [['Ctrl+K', '⌘K'], 'keyRooms'], [['Ctrl+Shift+F', '⇧⌘F'], 'keySearch'], [['Enter'], 'keySend'], [['↑'], 'keyEdit'], [['PageUp', 'PageDown'], 'keyPages'],
  [['↑', '↓'], 'keyLines'], [['Enter'], 'keyTools'], [['Esc'], 'keyBack'], [['?'], 'keyHelp'],
]

/** Shows which keys do what. */
export function showKeys() {
  const list = KEYS.flatMap(([keys, what]) => [
    node('dt', {}, ...keys.flatMap((key, i) => [i > 0 && ` ${say('orWord')} `, node('kbd', {}, key)])),
    node('dd', {}, say(what)),
  ])
  openSheet(say('keys'), [node('dl', { class: 'keys' }, ...list)])
}
