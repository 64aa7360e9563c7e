// @ts-check
import { NOTHING, isAfter } from '../chat.js'
import { Connection } from '../link/connection.js'
import { keep } from '../login.js'
import { recall, remember } from '../memory.js'
import { say, stamp } from '../say.js'
import { lineInAddress, roomInAddress } from './address.js'
import { Completion } from './completion.js'
import { Composer } from './composer.js'
import { Drafts } from './drafts.js'
import { Finder } from './finder.js'
import { Header } from './header.js'
import { Incoming } from './incoming.js'
import { Current } from './current.js'
import { keepFilesOut } from './files.js'
import { Keyboard } from './keyboard.js'
import { Loading } from './loading.js'
import { Marks } from './marks.js'
import { Log } from './log.js'
import { find } from './node.js'
import { Outbox } from './outbox.js'
import { People } from './people.js'
import { showProblem } from './problem-page.js'
import { Rooms } from './rooms.js'
import { Later, seldom } from './seldom.js'
import { Settings } from './settings.js'
import { Status } from './status.js'
import { Typing } from './typing.js'
import { Undo } from './undo.js'
import { keepShell } from './worker.js'

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

  const all = { get: seldom }
  const showKeys = () => need(all, one => one.showKeys())
  const rooms = new Rooms(me)
  const marks = new Marks()
  rooms.onMark = (room, id) => { marks.tell(room, id); rights.now?.inbox.draw() }
  const here = new Current(me, rooms, { onShow, onChange, onClose, people: () => people.names })
  const people = new People(me, { onPick: name => composer.mention(name), onMore: user => need(rights, one => one.showPerson(user)), onOpen: () => closeBut(people), onDraw: () => rights.now?.draw() })
  const typing = new Typing()
  const status = new Status(() => loading.retry())
  const outbox = new Outbox(me, { onRefused: onSignedOut, onNameTaken: () => need(all, one => one.askForName(me)), onProblem: text => status.tell(text) })
  const settings = new Settings({ signOut: () => { here.forget(); marks.rest(); onLeave() }, unsent: () => outbox.unsent, about: () => here.room.title, topic: text => outbox.add({ kind: 'topic', text }) })
  const composer = new Composer(new Drafts(me.id), {
    command: name => (name === 'help' ? showKeys() : status.tell(say('noCommand', { name }))),
    post: (text, reply) => log.post(text, reply),
    edit: (mine, text) => log.edit(mine, text),
    mine: () => here.room.mine,
    typing: () => here.write(),
    enterSends: () => settings.chosen.enterSends,
    refuses: () => rights.now?.refuses() ?? false,
  })
  const completion = new Completion(composer.box, () => [...new Set(here.room.names)])
  const log = new Log({ here, rooms, outbox, undo: new Undo(), composer, more: (message, close) => rights.get().then(one => one.entries(message, close)).catch(() => []) })
  const search = new Later(({ Search }) => new Search(here, { goTo: id => log.goTo(id), onOpen: () => closeBut(search.now) }))
  const [searchPanel, searchBox] = [find('.search'), /** @type {HTMLInputElement} */ (find('.search__box'))]
  const alerts = new Later(({ Alerts }) => new Alerts(settings))
  const rights = new Later(({ Rights }) => new Rights({ here, rooms, people, composer, log, status, onOpen: () => closeBut(rights.now), onRoom }))
  const header = new Header(here, rooms)
  const finder = new Finder({
    onOpen: name => { header.contents.hide(); here.open(name); composer.focus() },
    onFocus: () => header.contents.show(),
    onMake: title => { header.contents.hide(); need(rights, one => one.make(title)) },
  })
  const connection = new Connection(me, {
    onEvents: heard => incoming.hear(heard),
    onState: state => loading.linked(state),
    isShown: name => name === here.room.name,
    onBack: () => { people.show(here.room.name, true); loading.back() },
  })
  const loading = new Loading({ here, rooms, outbox, status, connection }, { onSignedOut, onLoaded, onExpelled: why => need(rights, one => one.expelled(why)), onRead })
  const incoming = new Incoming({ here, rooms, people, typing, connection, onMention, onRule, onInbox, onRead, onBye: room => loading.leaveRefused([room]) })
  const closed = () => [completion, log.toolbar, composer, search.now, rights.now, people].some(part => part?.close()) // the nearest first
  new Keyboard(composer.box, { rooms: () => finder.focus(), search: () => { showSearch(true); searchBox.select() }, tools: () => log.toolbar.enter(), help: showKeys, escape: closed })

  find('.contents__for').addEventListener('click', () => { header.contents.hide(); need(rights, one => one.inbox.toggle()) })
  find('.bar__search').addEventListener('click', () => showSearch())
  find('.search__form').addEventListener('submit', event => { event.preventDefault(); need(search, one => one.begin()) })
  keepFilesOut(text => status.tell(text))
  here.show(asked)
  composer.focus()
  keepShell().catch(() => {}) // a browser without one opens online only

  /** Another room is there. @param {string} name */
  function onShow(name) {
    typing.clear()
    outbox.attach(here.room)
    log.show()
    composer.show(name)
    composer.rename(here.room.label)
    people.show(name, connection.live)
    search.now?.show()
    rights.now?.show()
    header.draw()
    const line = lineInAddress() // a link to a line shows it in its context
    loading.load().then(() => { if (line && here.room.name === name) log.goTo(line) })
  }

  /** Something in the room changed. */
  function onChange() {
    rename()
    log.change()
    search.now?.change()
    composer.refresh()
    header.change()
  }

  /** A room whose address says nothing is called as it is titled. */
  function rename() {
    const { room } = here
    rooms.call(room.name, room.title)
    const label = rooms.label(room.name)
    if (label === room.label) return
    room.label = label
    log.rename()
    composer.rename(label)
    search.now?.rename()
    header.draw()
  }

  /** The room is there: one that somebody made has rules. */
  function onLoaded() {
    if (here.room.access) need(rights, one => one.load())
  }

  /** @param {import('../chat.js').Event} event */
  function onRule(event) {
    if (event.room === here.room.name) need(rights, one => one.hear(event))
  }

  /** @param {string} last the id of the newest notice for oneself */
  function onInbox(last) {
    if (isAfter(last, recall('inbox', NOTHING))) need(rights, one => one.inbox.hear(last))
  }

  /** One writes in the box at once; what searches may have to be loaded. */
  function showSearch(open = searchPanel.hidden) {
    searchPanel.hidden = !open
    if (open) searchBox.focus()
    need(search, one => one.toggle(open))
  }

  /** It was read on another device. @param {string} room @param {string} id */
  function onRead(room, id) {
    if (room !== `@${me.id}`) rooms.readTo(room, id)
    else if (isAfter(id, recall('inbox', NOTHING))) remember('inbox', id)
    rights.now?.inbox.draw()
  }

  /** A line speaks to oneself, and no tab shows it. @param {import('../chat.js').Event} event */
  function onMention(event) {
    const { sounds, notifications } = settings.chosen
    if (sounds || notifications) need(alerts, one => one.mention(event))
  }

  /** There is one more room to listen to. @param {string} name */
  function onRoom(name) {
    for (const fell of rooms.open(name)) onClose(fell)
    rooms.catchUp([name]).then(cursors => connection.follow(cursors)).catch(() => {}) // it is when the page is loaded next
  }

  /** Does something with a part that may have to be loaded first. @template T @param {{get: () => Promise<T>}} part @param {(part: T) => void} then */
  function need(part, then) {
    part.get().then(then).catch(() => status.tell(say('unreachable')))
  }

  /** One panel at a time. @param {{toggle: (open: boolean) => void} | undefined} shown */
  function closeBut(shown) {
    for (const panel of [people, search.now, rights.now]) if (panel !== shown) panel?.toggle(false)
  }

  /** @param {string} name */
  function onClose(name) {
    connection.leave(name)
    composer.focus()
  }
}
