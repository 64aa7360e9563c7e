// @ts-check
import { say } from '../say.js'

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
