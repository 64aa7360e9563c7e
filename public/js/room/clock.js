// @ts-check
import { locale, say } from '../say.js'

/** The formats of one time zone. They are made anew when the machine travels. */
let formats = made()

function made() {
  return {
    zone: zone(),
    clock: new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit' }), // of 12 or 24 hours, as one has it there
    calendar: new Intl.DateTimeFormat(locale(), { weekday: 'long', day: 'numeric', month: 'long' }),
    short: new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }),
    dated: new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short', year: 'numeric' }),
    whole: new Intl.DateTimeFormat(locale(), { dateStyle: 'full', timeStyle: 'short' }),
  }
}

function zone() {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone
}

/** Stands for the day and the time zone: what was said of time before it changed is wrong after. */
export function today() {
  if (zone() !== formats.zone) formats = made()
  return `${dayOf(Date.now())} ${formats.zone}`
}

/** Hour and minute. @param {number} ms */
export const hourOf = ms => formats.clock.format(ms)

/** The day and the hour, in full. @param {number} ms */
export const momentOf = ms => formats.whole.format(ms)

/** As much of the day and the hour as tells it from now. @param {number} ms @param {number} [now] */
export function whenOf(ms, now = Date.now()) {
  if (dayOf(ms) === dayOf(now)) return formats.clock.format(ms)
  return new Date(ms).getFullYear() === new Date(now).getFullYear() ? formats.short.format(ms) : formats.dated.format(ms)
}

/** The day by local midnight, as one number that differs from day to day. @param {number} ms */
export const dayOf = ms => new Date(ms).setHours(0, 0, 0, 0)

/** A day as one says it. @param {number} day @param {number} [now] */
export function nameOfDay(day, now = Date.now()) {
  const today = dayOf(now)
  if (day === today) return say('today')
  if (day === dayOf(today - 1)) return say('yesterday')
  return formats.calendar.format(day)
}
