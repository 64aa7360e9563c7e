import assert from 'node:assert/strict'
import { test } from 'node:test'

globalThis.document ??= { documentElement: { lang: 'en' } }
if (!globalThis.navigator) globalThis.navigator = { languages: ['en'] }
const { Facts } = await import('../rights/facts.js')
const { addressOf } = await import('../rights/address.js')
const { describe } = await import('../rights/notes.js')

const [me, ann, bob] = ['me', 'ann', 'bob'].map(name => ({ id: `u_${name}`, name }))

/** A room in which I am this. */
function facts(role, room = {}, you = {}) {
  const all = new Facts(me.id)
  const mine = role === 'guest' ? [] : [{ user: me, role }]
  all.take({ room: { access: 'open', ...room }, you: { role, ...you }, members: [...mine, { user: ann, role: 'owner' }, { user: bob, role: 'member' }] })
  return all
}

const member = what => ({ kind: 'member', by: ann, ...what })
const why = (all, ...when) => all.refusal(...when)?.why ?? null

test('what keeps one from writing is what the server goes by', () => {
  assert.equal(why(facts('guest'), 0), null)
  assert.equal(why(facts('guest', { posting: 'members' }), 0), 'onlyMembers')
  assert.equal(why(facts('member', { posting: 'members' }), 0), null)
  assert.equal(why(facts('member', { posting: 'moderators' }), 0), 'onlyModerators')
  assert.equal(why(facts('member', { locked: true }), 0), 'locked')
  assert.equal(why(facts('moderator', { locked: true, posting: 'moderators', slow: 30 }), 0, 0), null)
  assert.equal(why(facts('moderator', {}, { ban: 'mute' }), 0), 'muted')
  assert.equal(why(facts('guest', {}, { ban: 'ban', until: 10 }), 5), 'banned')
  assert.equal(why(facts('guest', {}, { ban: 'mute', until: 10 }), 11), null)
})

test('in a slow room the next message waits', () => {
  const all = facts('member', { slow: 30 })
  assert.equal(why(all, 100_000), null)
  assert.deepEqual(all.refusal(100_000, 80_000), { why: 'slow', until: 110_000 })
  assert.equal(why(all, 110_000, 80_000), null)
})

test('events say what one may from now on', () => {
  const all = facts('guest')
  all.hear(member({ member: { user: me, ban: 'mute', until: 10 } }))
  assert.equal(why(all, 5), 'muted')
  all.hear(member({ member: { user: me, ban: 'none' } }))
  assert.equal(why(all, 5), null)
  all.hear({ kind: 'room', by: ann, set: { locked: true } })
  assert.equal(why(all, 5), 'locked')
  all.hear(member({ member: { user: me, role: 'moderator' } }))
  assert.equal(why(all, 5), null)
  assert.equal(all.isAtLeast('moderator'), true)
  all.hear(member({ member: { user: me, role: 'guest' } }))
  assert.equal(why(all, 5), 'locked')
  all.hear({ kind: 'room', by: ann, set: { locked: false } })
  assert.equal(why(all, 5), null)
})

test('nobody is offered what the server refuses', () => {
  assert.equal(facts('member').mayStop(bob.id), false)
  assert.equal(facts('moderator').mayStop(bob.id), true)
  assert.equal(facts('moderator').mayStop(ann.id), false)
  assert.equal(facts('moderator').mayStop('u_visitor'), true)
  assert.equal(facts('owner').mayStop(ann.id), false)
  assert.equal(facts('owner').mayStop(me.id), false)
  assert.deepEqual(facts('moderator').rolesFor('u_visitor'), ['member'])
  assert.deepEqual(facts('moderator').rolesFor(ann.id), [])
  assert.deepEqual(facts('owner').rolesFor(bob.id), ['owner', 'moderator'])
  assert.deepEqual(facts('owner').rolesFor(me.id), [])
  assert.equal(facts('moderator').mayRemove(bob.id), true)
  assert.equal(facts('moderator').mayRemove(ann.id), false)
  assert.equal(facts('owner').mayRemove('u_visitor'), false)
  assert.equal(facts('owner', { access: 'direct' }).mayStop(bob.id), false)
})

test('the last owner is known', () => {
  const all = facts('owner')
  assert.equal(all.isLast, false)
  all.hear(member({ member: { user: ann, role: 'member' } }))
  assert.equal(all.isLast, true)
})

test('a title in any script makes an address, or none', () => {
  assert.equal(addressOf('Book Club'), 'book-club')
  assert.equal(addressOf('Café — 2026!'), 'café-2026')
  assert.equal(addressOf('项目 讨论'), '项目-讨论')
  assert.equal(addressOf('Ελλάδα'), 'ελλάδα')
  assert.equal(addressOf('🎉'), '')
  assert.equal(addressOf('x'.repeat(200)).length, 63)
})

test('the log tells what was done, and not who came or went', () => {
  assert.equal(describe(member({ member: { user: bob, ban: 'ban' } })), '\0 banned bob')
  assert.equal(describe(member({ member: { user: bob, role: 'moderator' } })), '\0 made bob a moderator')
  assert.equal(describe(member({ member: { user: bob, role: 'member', invite: 'i' } })), null)
  assert.equal(describe(member({ member: { user: bob, role: 'guest' } })), null)
  assert.equal(describe({ kind: 'room', by: ann, set: { slow: 30 } }), '\0 slowed the room: one message in 30 seconds')
  assert.equal(describe({ kind: 'room', by: ann, set: { retention: 86_400 } }), '\0 made the room forget after 1 day')
  assert.equal(describe({ kind: 'room', by: ann, set: { invite: { id: 'i' } } }), null)
})
