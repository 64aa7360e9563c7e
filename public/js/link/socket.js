// @ts-check
import { Problem } from '../call.js'

/**
 * Reads by WebSocket: where a proxy holds an event stream back.
 * @type {import('./stream.js').Open}
 */
export function openSocket({ rooms, after, onEvents, onDown }) {
  const query = new URLSearchParams([...rooms.map(room => ['room', room]), ['last_event_id', after]])
  const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/stream?${query}`)
  socket.onmessage = ({ data }) => onEvents([JSON.parse(data)])
  socket.onclose = () => onDown(new Problem(0, 'the socket closed'))
  return () => {
    socket.onclose = socket.onmessage = null
    socket.close()
  }
}
