// @ts-check
import { Connection } from '../link/connection.js'
import { keep } from '../login.js'
import { stamp } from '../say.js'
import { roomInAddress } from './address.js'
import { Alerts } from './alerts.js'
import { Changes } from './changes.js'
import { Completion } from './completion.js'
import { Composer } from './composer.js'
import { Finder } from './finder.js'
import { Header } from './header.js'
import { Hearing } from './hearing.js'
import { Here } from './here.js'
import { Keyboard } from './keyboard.js'
import { Loading } from './loading.js'
import { Log } from './log.js'
import { People } from './people.js'
import { showProblem } from './problem-page.js'
import { Rooms } from './rooms.js'
import { Settings } from './settings.js'
import { Status } from './status.js'
import { Typing } from './typing.js'
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
  const here = new Here(me, rooms, { onShow, onChange, onClose, onSignedOut })
  const people = new People(me)
  const typing = new Typing()
  const status = new Status(() => loading.retry())
  const changes = new Changes(here, text => status.tell(text))
  const settings = new Settings({ leave: onLeave, about: () => here.room.title, topic: title => changes.topic(title) })
  const composer = new Composer({
    post: (text, reply) => log.post(text, reply),
    edit: (mine, text) => changes.edit(mine, text),
    mine: () => here.room.mine,
    typing: () => here.write(),
    enterSends: () => settings.chosen.enterSends,
  })
  const completion = new Completion(composer.box, () => [...new Set([...people.names, ...here.room.speakers])])
  const log = new Log({ here, rooms, changes, composer })
  const header = new Header(here, rooms)
  const finder = new Finder(name => { here.open(name); composer.focus() })
  const connection = new Connection(me, {
    onEvents: heard => hearing.hear(heard),
    onState: state => loading.linked(state),
    onBack: () => { people.show(here.room.name); loading.back() },
  })
  const loading = new Loading({ here, rooms, status, connection }, onSignedOut)
  const hearing = new Hearing({ here, rooms, people, typing, connection, alerts: new Alerts(settings) })
  const closed = () => [completion, log.toolbar, composer, people].some(part => part.close()) // the nearest first
  new Keyboard(composer.box, { rooms: () => finder.focus(), tools: () => log.toolbar.enter(), escape: closed })

  here.show(asked)
  composer.focus()
  keepShell().catch(() => {}) // a browser without one opens online only

  /** Another room is there. @param {string} name */
  function onShow(name) {
    typing.clear()
    log.show()
    composer.show(name)
    people.show(name)
    header.draw()
    loading.load()
  }

  /** Something in the room changed. */
  function onChange() {
    log.change()
    header.change()
  }

  /** @param {string} name */
  function onClose(name) {
    connection.leave(name)
    composer.focus()
  }
}
