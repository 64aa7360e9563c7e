import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

globalThis.document ??= { hidden: false, addEventListener() {} }
const { Stream } = await import('../link/stream.js')
const { learnTransports } = await import('../link/transports.js')

/** A stream on a clock that the test turns, and a server that `answer` is. */
function open(t, answer) {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] })
  t.after(() => mock.timers.reset())
  learnTransports(['sse', 'longpoll'])
  const asked = []
  globalThis.fetch = async path => {
    const name = path.split('?')[0]
    asked.push(name)
    return answer(name)
  }
  const heard = [], states = []
  const stream = new Stream(() => ({ rooms: ['lobby'], after: '1-0' }), { onEvents: events => heard.push(...events), onState: state => states.push(state) })
  stream.open()
  const pass = async seconds => { for (let n = 0; n < seconds * 4; n++) { mock.timers.tick(250); for (let i = 0; i < 5; i++) await turn() } }
  return { asked, heard, states, stream, pass }
}

const json = (body, status = 200, headers = {}) => new Response(JSON.stringify(body), { status, headers })

for (const status of [429, 503]) {
  test(`while no stream is taken (${status}), short polls stand in for one, until one is`, async t => {
    let full = true, n = 1
    const { asked, heard, states, stream, pass } = open(t, name => {
      if (name === '/login') return json({})
      if (name === '/poll') return json({ events: [{ kind: 'message', id: `${++n}-0` }], cursor: `${n}-0` })
      if (full) return json({}, status, { 'Retry-After': '2' })
      return new Response(new ReadableStream({ start: body => body.enqueue(new TextEncoder().encode('data: {"kind":"open","ping":15}\n\n')) }))
    })
    await pass(10)
    assert.equal(asked.includes('/poll'), true, `asked were ${asked}`)
    assert.equal(states.at(-1).live, true)
    assert.equal(heard.length > 0, true)
    await pass(60)
    const refused = asked.filter(name => name === '/stream').length
    assert.equal(refused <= 4, true, `${refused} streams were asked for`)
    assert.equal(states.at(-1).live, true)
    full = false
    await pass(60)
    assert.equal(asked.at(-1), '/stream')
    stream.close()
  })
}

test('a server that refuses short polls, too, is asked less and less often', async t => {
  const { asked, stream, pass } = open(t, () => json({}, 503))
  await pass(120)
  assert.equal(asked.length <= 40, true, `${asked.length} requests: ${asked}`)
  stream.close()
})
