// @ts-check
import { Connection } from '../link/connection.js'
import { keep } from '../login.js'
import { say, stamp } from '../say.js'
import { lineInAddress, roomInAddress } from './address.js'
import { Alerts } from './alerts.js'
import { Completion } from './completion.js'
import { Composer } from './composer.js'
import { Drafts } from './drafts.js'
import { Finder } from './finder.js'
import { Header } from './header.js'
import { Incoming } from './incoming.js'
import { Current } from './current.js'
import { keepFilesOut, showKeys } from './help.js'
import { Keyboard } from './keyboard.js'
import { Loading } from './loading.js'
import { Log } from './log.js'
import { Outbox } from './outbox.js'
import { People } from './people.js'
import { showProblem } from './problem-page.js'
import { askForName } from './rename.js'
import { Rooms } from './rooms.js'
import { Search } from './search.js'
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

  const rooms = new Rooms(me)
  const here = new Current(me, rooms, { onShow, onChange, onClose, people: () => people.names })
  const people = new People(me, { onPick: name => composer.mention(name), onOpen: () => search.toggle(false) })
  const typing = new Typing()
  const status = new Status(() => loading.retry())
  const outbox = new Outbox(me, { onRefused: onSignedOut, onNameTaken: () => askForName(me), onProblem: text => status.tell(text) })
  const settings = new Settings({ signOut: () => { here.forget(); onLeave() }, unsent: () => outbox.unsent, about: () => here.room.title, topic: text => outbox.add({ kind: 'topic', text }) })
  const composer = new Composer(new Drafts(me.id), {
    command: name => (name === 'help' ? showKeys() : status.tell(say('noCommand', { name }))),
    post: (text, reply) => log.post(text, reply),
    edit: (mine, text) => log.edit(mine, text),
    mine: () => here.room.mine,
    typing: () => here.write(),
    enterSends: () => settings.chosen.enterSends,
  })
  const completion = new Completion(composer.box, () => [...new Set(here.room.names)])
  const log = new Log({ here, rooms, outbox, undo: new Undo(), composer })
  const search = new Search(here, { goTo: id => log.goTo(id), onOpen: () => people.toggle(false) })
  const header = new Header(here, rooms)
  const finder = new Finder(name => { header.contents.hide(); here.open(name); composer.focus() }, () => header.contents.show())
  const connection = new Connection(me, {
    onEvents: heard => incoming.hear(heard),
    onState: state => loading.linked(state),
    isShown: name => name === here.room.name,
    onBack: () => { people.show(here.room.name, true); loading.back() },
  })
  const loading = new Loading({ here, rooms, outbox, status, connection }, onSignedOut)
  const incoming = new Incoming({ here, rooms, people, typing, connection, alerts: new Alerts(settings) })
  const closed = () => [completion, log.toolbar, composer, search, people].some(part => part.close()) // the nearest first
  new Keyboard(composer.box, { rooms: () => finder.focus(), search: () => search.focus(), tools: () => log.toolbar.enter(), help: showKeys, escape: closed })

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
    people.show(name, connection.live)
    search.show()
    header.draw()
    const line = lineInAddress() // a link to a line shows it in its context
    loading.load().then(() => { if (line && here.room.name === name) log.goTo(line) })
  }

  /** Something in the room changed. */
  function onChange() {
    log.change()
    search.change()
    composer.refresh()
    header.change()
  }

  /** @param {string} name */
  function onClose(name) {
    connection.leave(name)
    composer.focus()
  }
}
