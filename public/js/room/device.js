// @ts-check
import { Problem, call } from '../call.js'
import { say } from '../say-seldom.js'
import { say as common } from '../say.js'
import { node } from './node.js'
import { openSheet } from './sheet.js'

/** Shows a link, and the same to photograph, by which another device is signed in as the same user. */
export async function showDevice() {
  let inside
  try {
    const { link, qr } = await call('POST', '/me/transfer')
    const field = node('input', { class: 'field', readonly: true, value: link, 'aria-label': say('deviceLink') })
    field.addEventListener('focus', () => field.select())
    inside = [node('p', {}, say('deviceWhy')), node('img', { class: 'device__code', alt: say('deviceCode'), src: `data:image/svg+xml,${encodeURIComponent(qr)}` }), field]
  } catch (problem) {
    inside = [node('p', { role: 'alert' }, problem instanceof Problem ? problem.message : common('brokenWhy'))]
  }
  openSheet(say('device'), inside, { class: 'device' })
}
