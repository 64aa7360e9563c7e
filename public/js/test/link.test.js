import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Frames } from '../link/frames.js'
import { Pings } from '../link/pings.js'

test('frames are read whole, however their bytes are cut', () => {
  const bytes = 'retry: 2000\nevent: open\ndata: {"kind":"open"}\nid: 1-0\n\ndata: {"id":"2-0","text":"a: b"}\nid: 2-0\n\nevent: ping\ndata: {"kind":"ping"}\n\n'
  for (let size = 1; size < bytes.length; size++) {
    const frames = new Frames()
    const heard = []
    for (let i = 0; i < bytes.length; i += size) heard.push(...frames.push(bytes.slice(i, i + size)))
    assert.deepEqual(heard, [{ kind: 'open' }, { id: '2-0', text: 'a: b' }, { kind: 'ping' }])
  }
})

test('pings that come in time are no clumps, nor those after one long sleep', () => {
  const pings = new Pings()
  for (let i = 0; i < 20; i++) assert.equal(pings.beat(i * 15_000 + 1, i * 15_000 + (i % 3) * 900), false)
  const woke = 20 * 15_000 + 60 * 60_000
  for (let i = 20; i < 60; i++) assert.equal(pings.beat(i * 15_000 + 1, woke + i), false)
})

test('pings that are held back and let go together are clumps', () => {
  const pings = new Pings()
  const beats = Array.from({ length: 9 }, (_, i) => pings.beat(i * 15_000 + 1, Math.ceil((i + 1) / 3) * 45_000 + i))
  assert.equal(beats.includes(true), true)
})

test('a server that pings seldom is waited for', () => {
  const pings = new Pings()
  pings.every = pings.most = 60_000
  pings.beat(1, 0)
  pings.beat(60_001, 60_000)
  assert.equal(pings.every, 60_000)
})

test('a server that pings oftener is missed sooner', () => {
  const pings = new Pings()
  pings.beat(1, 0)
  pings.beat(2001, 2000)
  assert.equal(pings.every, 2000)
})
