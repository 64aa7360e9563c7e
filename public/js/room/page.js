// @ts-check
import { Problem, call } from '../call.js'
import { LOBBY, NOTHING, pathOf } from '../chat.js'
import { Connection } from '../link/connection.js'
import { keep } from '../login.js'
import { patiently } from '../patience.js'
import { stamp } from '../say.js'
import { roomInAddress } from './address.js'
import { Alerts } from './alerts.js'
import { Badge } from './badge.js'
import { Changes } from './changes.js'
import { Completion } from './completion.js'
import { Composer } from './composer.js'
import { Finder } from './finder.js'
import { perFrame } from './frame.js'
import { fillHole, loadLast, loadOlder } from './history.js'
import { Jump } from './jump.js'
import { Keyboard } from './keyboard.js'
import { Messages } from './messages.js'
import { find } from './node.js'
import { once } from './once.js'
import { Outbox } from './outbox.js'
import { People } from './people.js'
import { showProblem } from './problem-page.js'
import { Room } from './room.js'
import { Rooms } from './rooms.js'
import { restore, save } from './saved.js'
import { Settings } from './settings.js'
import { Status } from './status.js'
import { Tabs } from './tabs.js'
import { Toolbar } from './toolbar.js'
import { Typing } from './typing.js'
import { keepShell } from './worker.js'

/** @typedef {import('../chat.js').Event} Event */
/** @typedef {import('../chat.js').Heard} Heard */

const SAVE_EVERY = 10_000 // milliseconds

/**
 * Shows the rooms to somebody who is signed in. Here the parts are put
 * together; none of them knows another that it was not given.
 * @param {import('../chat.js').User} me
 * @param {{onLeave: () => void, onSignedOut: () => void}} on
 */
export function openRooms(me, { onLeave, onSignedOut }) {
  const asked = roomInAddress()
  if (asked === null) return showProblem(404)
  document.body.className = 'page'
  document.body.replaceChildren(...keep(), stamp('room-page'))

  let room = new Room('', me)
  let outbox = new Outbox(room, onSignedOut)
  let live = false
  let loading = new AbortController()

  const rooms = new Rooms(me)
  const badge = new Badge()
  const people = new People(me)
  const typing = new Typing()
  const messages = new Messages(room)
  const jump = new Jump(messages)
  const status = new Status(() => { connection.retry(); load() })
  const changes = new Changes(() => room, text => status.tell(text))
  const settings = new Settings({ leave: onLeave, topic: title => changes.topic(title) })
  const alerts = new Alerts(settings)
  const tabs = new Tabs(rooms, { open, close })
  const finder = new Finder(name => { open(name); composer.focus() })
  const composer = new Composer({
    post: (text, reply) => { outbox.post(text, reply); seen(); messages.newAfter = undefined; messages.toEnd() },
    edit: (mine, text) => changes.edit(mine, text),
    mine: () => room.mine,
    typing: () => call('POST', pathOf(room.name, 'typing'), {}).catch(() => {}),
    enterSends: () => settings.chosen.enterSends,
  })
  const completion = new Completion(composer.box, () => [...new Set([...people.names, ...room.speakers])])
  const toolbar = new Toolbar(messages, me, {
    reply: to => composer.reply(to),
    edit: mine => composer.edit(mine),
    remove: mine => { changes.remove(mine); composer.focus() },
    react: (to, emoji) => changes.react(to, emoji),
  })
  new Keyboard(composer.box, { rooms: () => finder.focus(), tools: () => toolbar.enter(), escape })
  const connection = new Connection(me, { onEvents: hear, onState: linked })

  rooms.onChange = perFrame(drawRooms)
  messages.onOlder = once(async () => { await loadOlder(room); messages.older() })
  messages.onSeen = seen
  find('.log__older').addEventListener('click', () => messages.onOlder())
  find('.log').addEventListener('click', click)
  addEventListener('popstate', () => show(roomInAddress() ?? LOBBY))
  document.addEventListener('visibilitychange', looked)
  addEventListener('pagehide', () => save(room))
  navigator.serviceWorker?.addEventListener('message', ({ data }) => open(data.open.split('/')[2]))
  setInterval(() => save(room), SAVE_EVERY)
  find('.skip').addEventListener('click', event => { event.preventDefault(); composer.focus() })

  show(asked)
  composer.focus()
  keepShell().catch(() => {}) // a browser without one opens online only

  /** Goes to a room. @param {string} name */
  function open(name) {
    if (name === room.name) return
    history.pushState(null, '', pathOf(name))
    show(name)
  }

  /** @param {string} name */
  function close(name) {
    rooms.close(name)
    connection.leave(name)
    if (name === room.name) open(rooms.names[0] ?? LOBBY)
  }

  /** @param {string} name */
  function show(name) {
    save(room)
    room.onChange = () => {}
    room = new Room(name, me)
    room.onChange = changed
    outbox = new Outbox(room, onSignedOut)
    toolbar.hide()
    typing.clear()
    rooms.open(name)
    messages.show(room, rooms.mark(name))
    composer.show(name)
    people.show(name)
    drawRooms()
    changed()
    load()
  }

  /** Loads the room, as often as it takes. */
  async function load() {
    const now = room
    if (now.loaded && !now.saved) return
    loading.abort()
    const { signal } = loading = new AbortController()
    try {
      await patiently(() => loadLast(now), { signal, passes: willLoad, onWait: waiting })
    } catch (error) {
      if (!signal.aborted) notLoaded(error instanceof Problem ? error.status : 500)
      return
    }
    if (!signal.aborted) loaded(signal)
  }

  /** Reports whether the room may well load later. @param {Problem} problem */
  function willLoad({ status: code, passing }) {
    return passing && (room.saved || restore(room) || code !== 500)
  }

  /** @param {number} wait @param {Problem} problem */
  function waiting(wait, { status: code }) {
    status.show({ live: false, again: Date.now() + wait, status: code })
    if (!room.pending.length) outbox.reopen()
  }

  /** @param {AbortSignal} signal */
  async function loaded(signal) {
    outbox.reopen()
    status.show({ live }) // until the stream says better
    connection.follow(new Map([[room.name, room.last ?? NOTHING]]))
    const others = rooms.names.filter(name => name !== room.name)
    const caughtUp = patiently(() => rooms.catchUp(others), { signal, passes: ({ passing }) => passing })
    connection.follow(await caughtUp.catch(() => new Map()))
  }

  /** @param {number} code */
  function notLoaded(code) {
    if (code === 401) onSignedOut()
    else showProblem(code)
  }

  /** @param {Heard[]} heard */
  function hear(heard) {
    /** @type {Event[]} */
    const here = []
    for (const one of heard) {
      if (!one.id) signal(/** @type {import('../chat.js').Signal} */ (one))
      else {
        const event = /** @type {Event} */ (one)
        const fresh = rooms.note(event)
        if (fresh?.mention) setTimeout(() => alarm(event), 300) // not if another tab shows it
        if (event.room === room.name) here.push(event)
        if (event.kind === 'message') typing.stop(event.by.id)
      }
    }
    if (!here.length || room.saved) return
    const now = room
    const hole = room.hear(here)
    if (hole) fillHole(now, hole).catch(() => connection.retry())
  }

  /** @param {import('../chat.js').Signal} one */
  function signal(one) {
    if (one.kind === 'presence') people.note(one)
    if (one.kind === 'typing' && one.room === room.name && one.by && one.by.id !== me.id) typing.note(one.by)
    if (one.kind === 'reset' && (!one.room || one.room === room.name)) room.reset()
  }

  /** A line that speaks to me and that no tab shows. @param {Event} event */
  function alarm(event) {
    const unread = rooms.mark(event.room) < event.id
    if (unread && (connection.leads || !navigator.locks)) alerts.mention(event)
  }

  /** @param {import('../link/stream.js').LinkState} state */
  function linked(state) {
    if (state.status === 401) return onSignedOut()
    status.show(state)
    if (state.live && !live) {
      people.show(room.name)
      outbox.flush()
      load()
    }
    live = state.live
  }

  function changed() {
    messages.change()
    settings.topic = room.title
    find('.bar__topic').textContent = room.title
  }

  /** What is on the screen and at its end was read. */
  function seen() {
    if (!document.hidden && messages.following && room.loaded) rooms.read(room.name, room.last)
    jump.draw(rooms.mark(room.name))
  }

  /** The reader left or came back: what came since begins with a rule. */
  function looked() {
    if (document.hidden) messages.newAfter = rooms.mark(room.name)
    else messages.draw()
  }

  function drawRooms() {
    tabs.draw(room.name)
    badge.draw(room.name, rooms.total)
    find('.bar__room bdi').textContent = room.name
  }

  /** @param {MouseEvent} event */
  function click({ target }) {
    const message = messages.at(target)
    const button = target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest('button')) : null
    if (!message || !button) return
    const { do: what, go, emoji } = button.dataset
    if (what === 'retry') outbox.retry(message)
    if (what === 'drop') { outbox.drop(message); composer.focus() }
    if (go) messages.goTo(go)
    if (emoji) changes.react(message, emoji)
  }

  /** Closes what is open, the nearest first, and reports whether anything was. */
  function escape() {
    if (completion.shown) completion.hide()
    else if (toolbar.shown && find('.tools').contains(document.activeElement)) { toolbar.hide(); composer.focus() }
    else if (composer.busy) composer.cancel()
    else if (people.open) people.toggle(false)
    else return false
    return true
  }
}
