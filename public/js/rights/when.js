// @ts-check
import { locale } from '../say.js'

const DAY = 24 * 60 * 60_000

/** A moment to come: the hour alone, if it is within a day. @param {number} at milliseconds; 0: never, and no words */
export function untilOf(at) {
  if (!at) return ''
  const near = at - Date.now() < DAY
  return new Intl.DateTimeFormat(locale(), near ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' }).format(at)
}
