// Follows the lobby with a client that others wrote, from its beginning, and
// prints the text of each message as the client gives it: node follow.mjs <client> <address>
import { stream } from '@durable-streams/client'
import { fetchEventSource } from '@microsoft/fetch-event-source'
import { EventSource } from 'eventsource'
import WebSocket from 'ws'

const [client, base] = process.argv.slice(2)
const print = (event) => console.log(event.text)

function byEventSource() {
	new EventSource(`${base}/stream?last_event_id=0-0`).onmessage = (message) => print(JSON.parse(message.data))
}

// It is made for pages, and asks the window and the document.
function byFetchEventSource() {
	globalThis.window = globalThis
	globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} }
	fetchEventSource(`${base}/stream?last_event_id=0-0`, {
		onmessage: ({ event, data }) => {
			const parsed = JSON.parse(data)
			if (event === '') print(parsed)
		},
		onclose() { throw new Error('the stream ended: come back') },
	})
}

function byWebSocket(cursor = '0-0') {
	const socket = new WebSocket(`${base.replace('http', 'ws')}/stream?last_event_id=${cursor}`)
	socket.onmessage = (message) => {
		const event = JSON.parse(message.data)
		if (event.kind !== 'message') return
		cursor = event.id
		print(event)
	}
	socket.onerror = () => {}
	socket.onclose = () => setTimeout(byWebSocket, 20, cursor)
}

async function byDurableStreams(live) {
	for (let offset = '-1'; ; ) {
		try {
			const response = await stream({ url: `${base}/r/lobby`, offset, live, json: true })
			response.subscribeJson(async (batch) => {
				batch.items.forEach(print)
				offset = batch.offset
			})
			await response.closed
		} catch {
			// the connection was cut: come back with the offset
		}
		await new Promise((done) => setTimeout(done, 20))
	}
}

const clients = {
	eventsource: () => byEventSource(),
	'fetch-event-source': () => byFetchEventSource(),
	ws: () => byWebSocket(),
	'durable-sse': () => byDurableStreams('sse'),
	'durable-long-poll': () => byDurableStreams('long-poll'),
}
process.on('uncaughtException', () => {}) // a cut that the client's own timers report
clients[client]()
