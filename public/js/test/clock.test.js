import assert from 'node:assert/strict'
import { mock, test } from 'node:test'

process.env.TZ = 'UTC'
Object.defineProperty(globalThis, 'document', { configurable: true, value: { documentElement: { lang: 'en' } } })

let copies = 0
/** The clock of somebody whose browser prefers these languages. @param {...string} languages */
async function clockOf(...languages) {
  document.documentElement.lang = languages[0].slice(0, 2) === 'zh' ? 'zh' : 'en'
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { languages } })
  return import(`../room/clock.js?${copies++}`)
}

const evening = Date.UTC(2026, 10, 20, 21, 5)

test('hours are of 12 or of 24, as one has it there', async () => {
  assert.match((await clockOf('en-US')).hourOf(evening), /^09:05\sPM$/)
  assert.equal((await clockOf('en-GB')).hourOf(evening), '21:05')
  assert.equal((await clockOf('zh-CN')).hourOf(evening), '21:05')
})

test('a day ends at midnight, and what was today is yesterday', async () => {
  mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 10, 20, 23, 59) })
  const { dayOf, nameOfDay, today, whenOf } = await clockOf('en-GB')
  const before = today()
  assert.equal(nameOfDay(dayOf(evening)), 'Today')
  assert.equal(whenOf(evening), '21:05')
  mock.timers.setTime(Date.UTC(2026, 10, 21, 0, 1))
  assert.notEqual(today(), before) // so that the log is drawn anew
  assert.equal(nameOfDay(dayOf(evening)), 'Yesterday')
  assert.match(whenOf(evening), /20 Nov.*21:05/)
  mock.timers.setTime(Date.UTC(2026, 10, 22, 1))
  assert.equal(nameOfDay(dayOf(evening)), 'Friday, 20 November'.replace(', ', nameOfDay(dayOf(evening)).includes(',') ? ', ' : ' '))
  mock.timers.reset()
})

test('a machine that travels has the hours and days of where it is', async () => {
  const { dayOf, hourOf, today } = await clockOf('en-GB')
  const before = today()
  assert.equal(hourOf(evening), '21:05')
  process.env.TZ = 'Asia/Shanghai'
  assert.notEqual(today(), before)
  assert.equal(hourOf(evening), '05:05')
  assert.equal(new Date(dayOf(evening)).getDate(), 21)
  process.env.TZ = 'UTC'
})
