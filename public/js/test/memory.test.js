import assert from 'node:assert/strict'
import { test } from 'node:test'

/** A browser's storage of so many characters, in which keys are properties. */
class Storage {
  #room
  constructor(room = Infinity) {
    Object.defineProperty(this, 'limit', { value: room })
    this.#room = room
  }

  getItem(name) { return Object.hasOwn(this, name) ? this[name] : null }
  removeItem(name) { delete this[name] }
  setItem(name, value) {
    const taken = Object.entries(this).reduce((n, [key, text]) => n + (key === name ? 0 : key.length + text.length), 0)
    if (taken + name.length + value.length > this.#room) throw new DOMException('full', 'QuotaExceededError')
    this[name] = value
  }
}

const use = get => Object.defineProperty(globalThis, 'localStorage', { configurable: true, get })
use(() => null)
const { forget, forgetConversation, recall, recallAll, remember } = await import('../memory.js')

test('what the storage does not take is remembered by the tab', () => {
  for (const [what, get] of [['null', () => null], ['blocked', () => { throw new DOMException('no', 'SecurityError') }], ['full', () => new Storage(0)]]) {
    use(get)
    remember('draft.a', { text: what })
    assert.deepEqual(recall('draft.a', null), { text: what }, what)
    assert.deepEqual(recallAll('draft.'), ['a'], what)
    forget('draft.')
    assert.equal(recall('draft.a', null), null, what)
    assert.deepEqual(recallAll('draft.'), [], what)
  }
})

test('a full storage gives up the copies of the rooms read longest ago, and nothing that is not sent', () => {
  const storage = new Storage(4000)
  use(() => storage)
  for (let n = 1; n <= 3; n++) remember(`saved.room${n}`, { cursor: `${n}000-0`, events: 'x'.repeat(1000) })
  remember('outbox.u_a.1', { text: 'y'.repeat(1500) })
  assert.deepEqual(recallAll('saved.'), ['room2', 'room3'])
  remember('read.room1', '5-0')
  assert.equal(recall('read.room1', ''), '5-0')
  assert.ok(storage.getItem('confab.outbox.u_a.1') && storage.getItem('confab.read.room1'))
  forgetConversation()
  assert.deepEqual(Object.keys(storage), [])
})

test('one thing does not fill the storage', () => {
  const storage = new Storage()
  use(() => storage)
  remember('draft.a', 'z'.repeat(5 << 20))
  assert.equal(storage.getItem('confab.draft.a'), null)
  assert.equal(recall('draft.a', '').length, 5 << 20)
  remember('draft.a', 'short')
  assert.equal(storage.getItem('confab.draft.a'), '"short"')
  forget('draft.a')
})

test('a storage that was cleared is read as empty', () => {
  const storage = new Storage()
  use(() => storage)
  remember('rooms', ['lobby'])
  delete storage['confab.rooms']
  assert.deepEqual(recall('rooms', []), [])
})
