// @ts-check
import { locale, say } from '../say.js'

const clock = new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const calendar = new Intl.DateTimeFormat(locale(), { weekday: 'long', day: 'numeric', month: 'long' })
const whole = new Intl.DateTimeFormat(locale(), { dateStyle: 'full', timeStyle: 'short' })

/** Hour and minute. @param {number} ms */
export const hourOf = ms => clock.format(ms)

/** The day and the hour, in full. @param {number} ms */
export const momentOf = ms => whole.format(ms)

/** The day by local midnight, as one number that differs from day to day. @param {number} ms */
export const dayOf = ms => new Date(ms).setHours(0, 0, 0, 0)

/** A day as one says it. @param {number} day @param {number} [now] */
export function nameOfDay(day, now = Date.now()) {
  const today = dayOf(now)
  if (day === today) return say('today')
  if (day === dayOf(today - 1)) return say('yesterday')
  return calendar.format(day)
}
