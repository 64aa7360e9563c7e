import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Message } from '../room/message.js'
import { Room } from '../room/room.js'

const me = { id: 'u_me', name: 'me' }
const ann = { id: 'u_ann', name: 'ann' }

/** Events in a row, each after the one before it. */
function log(...events) {
  return events.map((event, i) => ({ room: 'lobby', id: `${i + 1}-0`, prev: i ? `${i}-0` : '0-0', kind: 'message', by: ann, ...event }))
}

/** @param {object[]} events */
const page = (events, more = false) => ({ events, more, cursor: events.at(-1)?.id ?? '0-0', title: '' })

const texts = room => room.lines.map(line => (line.gone ? 'gone' : line.text))

test('lines stand in the order of their ids, each once, however they come', () => {
  const all = log({ text: 'a' }, { text: 'b' }, { text: 'c' }, { text: 'd' })
  const room = new Room('lobby', me)
  room.hear([all[2]])
  room.load(page(all.slice(1, 3), true))
  room.hear([all[3], all[2]])
  room.load(page(all.slice(0, 2)))
  assert.deepEqual(texts(room), ['a', 'b', 'c', 'd'])
  assert.equal(room.last, '4-0')
  assert.equal(room.first, '1-0')
  assert.equal(room.more, false)
})

test('a hole shows by prev, and only then', () => {
  const all = log({ text: 'a' }, { text: 'b' }, { text: 'c' })
  const room = new Room('lobby', me)
  room.load(page(all.slice(0, 1)))
  assert.equal(room.hear([all[1]]), undefined)
  assert.equal(room.hear([all[1]]), undefined)
  room.reset()
  room.load(page(all.slice(0, 1)))
  assert.equal(room.hear([all[2]]), '1-0')
})

test('a pending line becomes the real one, and stays the same object', () => {
  const room = new Room('lobby', me)
  room.load(page([]))
  const mine = new Message({ by: me, text: 'hi', keyHash: 'k' })
  room.send(mine)
  room.hear(log({ text: 'first' }, { text: 'hi', by: me, keyHash: 'k' }))
  assert.equal(room.lines[1], mine)
  assert.deepEqual(room.pending, [])
  room.confirm({ ...log({}, { text: 'hi', by: me, keyHash: 'k' })[1] })
  assert.equal(room.lines.length, 2)
})

test('somebody else’s key hash takes no pending line', () => {
  const room = new Room('lobby', me)
  room.send(new Message({ by: me, text: 'hi', keyHash: 'k' }))
  room.hear(log({ text: 'mine now', keyHash: 'k' }))
  assert.equal(room.pending.length, 1)
})

test('without a hash of its key, the text tells which pending line came', () => {
  const room = new Room('lobby', me)
  const [first, second] = ['a', 'b'].map(text => new Message({ by: me, text, key: text }))
  room.send(first)
  room.send(second)
  room.hear(log({ text: 'b', by: me, keyHash: 'h' }))
  assert.deepEqual(room.pending, [first])
  assert.equal(room.lines[0], second)
})

test('changes find their line even if it loads after them', () => {
  const all = log({ text: 'a' }, { text: 'b' }, { kind: 'edit', target: '1-0', text: 'A' }, { kind: 'reaction', target: '2-0', emoji: '👍', by: me })
  const room = new Room('lobby', me)
  room.load(page(all.slice(2), true))
  assert.deepEqual(texts(room), [])
  room.load(page(all.slice(0, 2)))
  assert.deepEqual(texts(room), ['A', 'b'])
  assert.deepEqual([...room.lines[1].reactions(me).keys()], ['👍'])
})

test('a line that was deleted before it was loaded keeps its place, without its words', () => {
  const all = log({ text: 'a' }, { text: 'secret' }, { text: 'c' }, { kind: 'delete', target: '2-0' })
  const room = new Room('lobby', me)
  room.load(page([all[2], all[3]], true))
  assert.deepEqual(texts(room), ['c'])
  room.load(page([all[0]], false))
  assert.deepEqual(texts(room), ['a', 'gone', 'c'])
})

test('a late edit changes nothing', () => {
  const message = new Message({ id: '1-0', by: ann, text: 'a' })
  const edit = (id, text) => ({ room: 'lobby', id, prev: '', kind: 'edit', by: ann, target: '1-0', text })
  message.change(edit('5-0', 'new'))
  message.change(edit('4-0', 'old'))
  assert.equal(message.text, 'new')
})

test('a reaction is there once, and goes', () => {
  const message = new Message({ id: '1-0', by: ann, text: 'a' })
  const react = (id, off) => ({ room: 'lobby', id, prev: '', kind: 'reaction', by: me, target: '1-0', emoji: '🎉', off })
  message.change(react('2-0'))
  message.change(react('3-0'))
  assert.equal(message.reactions(me).get('🎉').size, 1)
  message.change(react('4-0', true))
  assert.equal(message.reactions(me).size, 0)
})

test('the title is the newest, whichever page comes last', () => {
  const all = log({ kind: 'room', text: 'old' }, { text: 'a' }, { kind: 'room', text: 'new' })
  const room = new Room('lobby', me)
  room.load({ ...page(all.slice(1), true), title: 'new' })
  room.load({ ...page(all.slice(0, 1)), title: 'new' })
  assert.equal(room.title, 'new')
})

test('five thousand lines are sorted in without a wait', () => {
  const all = log(...Array.from({ length: 5000 }, (_, i) => ({ text: `${i}` })))
  const room = new Room('lobby', me)
  const began = performance.now()
  for (let i = all.length; i > 0; i -= 100) room.load(page(all.slice(i - 100, i), i > 100))
  assert.equal(room.lines.length, 5000)
  assert.equal(room.lines[4999].text, '4999')
  assert.ok(performance.now() - began < 1000)
})
