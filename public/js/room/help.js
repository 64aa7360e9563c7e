// @ts-check
import { say } from '../say.js'
import { node } from './node.js'
import { openSheet } from './sheet.js'

/** @type {[string[], Parameters<typeof say>[0]][]} */
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

/** A file that is dropped on the page is not opened in its place. @param {(text: string) => void} tell */
export function keepFilesOut(tell) {
  for (const name of ['dragover', 'drop']) {
    addEventListener(name, event => {
      const { dataTransfer } = /** @type {DragEvent} */ (event)
      if (!dataTransfer?.types.includes('Files')) return
      event.preventDefault()
      if (name === 'drop') tell(say('noFiles'))
    })
  }
}
