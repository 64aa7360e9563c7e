// Stands between the official tests of Durable Streams and a server. The tests
// write any bytes to any address; the shim posts them as messages into a room
// of their own. Reads go to the room as they are, and in the answer each event
// is replaced by what its text stands for: node shim.mjs <address> <token>
import { randomUUID } from 'node:crypto'
import http from 'node:http'

const [base, token] = process.argv.slice(2)
const authorized = { authorization: `Bearer ${token}` }
const PART = 2900 // bytes that fit a message in base64
const BATCH = 10 // messages of one post
const OF_A_CONNECTION = ['content-length', 'connection', 'transfer-encoding', 'date', 'keep-alive', 'content-encoding']

/** What was created, by its path: its type, its room, and the last Stream-Seq. */
const streams = new Map()

const mediaType = (type) => (type ?? '').split(';')[0].trim().toLowerCase()
const isJSON = ({ type }) => mediaType(type) === 'application/json'
const isText = ({ type }) => /^text\/|^application\/json$/.test(mediaType(type))

async function bodyOf(request) {
	const parts = []
	for await (const part of request) parts.push(part)
	return Buffer.concat(parts)
}

/** The texts of the messages that stand for these bytes. */
function textsOf(stream, bytes) {
	if (isJSON(stream)) return [JSON.parse(bytes.toString())].flat(1).map((value) => JSON.stringify(value))
	const texts = []
	for (let at = 0; at < bytes.length; at += PART) texts.push(bytes.subarray(at, at + PART).toString('base64'))
	return texts
}

/** The bytes that events stand for. */
function bytesOf(stream, events) {
	const texts = events.filter(({ kind }) => kind === 'message').map(({ text }) => text)
	if (isJSON(stream)) return Buffer.from(`[${texts.join(',')}]`)
	return Buffer.concat(texts.map((text) => Buffer.from(text, 'base64')))
}

async function append(stream, bytes, headers = {}) {
	const texts = textsOf(stream, bytes)
	let response
	for (let at = 0; at < texts.length; at += BATCH) {
		const body = JSON.stringify(texts.slice(at, at + BATCH).map((text) => ({ text })))
		response = await fetch(`${base}/r/${stream.room}`, {
			method: 'POST',
			headers: { ...authorized, ...headers, 'content-type': 'application/json' },
			body,
		})
		await response.arrayBuffer()
	}
	return response
}

/** Answers with the server's status and headers. */
function answer(response, { status, headers }, more = {}) {
	const own = [...headers].filter(([name]) => !OF_A_CONNECTION.includes(name))
	response.writeHead(status, { ...Object.fromEntries(own), ...more })
}

function refuse(response, status, why = '') {
	response.writeHead(status, { 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin' })
	response.end(why)
}

async function create(request, response, path) {
	const bytes = await bodyOf(request)
	const type = request.headers['content-type'] ?? 'application/octet-stream'
	const old = streams.get(path)
	if (old && mediaType(old.type) !== mediaType(type)) return refuse(response, 409)
	const stream = old ?? { type, room: `s${randomUUID()}` }
	streams.set(path, stream)
	if (!old && bytes.length && bytes.toString() !== '[]') await append(stream, bytes)
	const put = await fetch(`${base}/r/${stream.room}`, { method: 'PUT', headers: { ...authorized, 'content-type': 'application/json' } })
	await put.arrayBuffer()
	const location = `http://${request.headers.host}${path}`
	answer(response, { status: old ? 200 : 201, headers: put.headers }, { 'content-type': stream.type, location })
	response.end()
}

async function post(request, response, stream) {
	const bytes = await bodyOf(request)
	const { 'content-type': type, 'stream-seq': seq } = request.headers
	if (!bytes.length || !type) return refuse(response, 400)
	if (mediaType(type) !== mediaType(stream.type)) return refuse(response, 409)
	if (seq !== undefined && seq <= stream.seq) return refuse(response, 409)
	try {
		if (!textsOf(stream, bytes).length) return refuse(response, 400)
	} catch (error) {
		return refuse(response, 400, String(error))
	}
	stream.seq = seq ?? stream.seq
	const producer = Object.entries(request.headers).filter(([name]) => name.startsWith('producer-'))
	answer(response, await append(stream, bytes, Object.fromEntries(producer)))
	response.end()
}

/** Asks the server. It hears that the client has gone. */
function ask(request, response, path, headers) {
	const gone = new AbortController()
	response.on('close', () => gone.abort())
	return fetch(base + path, { method: request.method, headers, signal: gone.signal })
}

async function read(request, response, stream, query) {
	if (!query.has('offset') && !query.has('live')) query.set('offset', '-1')
	const { 'if-none-match': tag } = request.headers
	const headers = { ...authorized, accept: 'application/json', ...(tag && { 'if-none-match': tag }) }
	const got = await ask(request, response, `/r/${stream.room}?${query}`, headers)
	if (got.headers.get('content-type')?.startsWith('text/event-stream')) return readEvents(got, response, stream)
	const bytes = Buffer.from(await got.arrayBuffer())
	answer(response, got, got.ok ? { 'content-type': stream.type } : {})
	if (got.status === 200 && request.method === 'GET') response.end(bytesOf(stream, JSON.parse(bytes.toString())))
	else response.end(got.status >= 400 ? bytes : undefined)
}

async function readEvents(got, response, stream) {
	answer(response, got, isText(stream) ? {} : { 'stream-sse-data-encoding': 'base64' })
	response.flushHeaders()
	let rest = ''
	for await (const piece of got.body.pipeThrough(new TextDecoderStream())) {
		const frames = (rest + piece).split('\n\n')
		rest = frames.pop()
		for (const frame of frames) response.write(`${reframe(stream, frame)}\n\n`)
	}
	response.end()
}

const DATA = 'event: data\ndata:'

/** A frame with the bytes that its events stand for. */
function reframe(stream, frame) {
	if (!frame.startsWith(DATA)) return frame
	const bytes = bytesOf(stream, JSON.parse(frame.slice(DATA.length)))
	const lines = isText(stream) ? bytes.toString().split(/\r\n|\r|\n/) : [bytes.toString('base64')]
	return ['event: data', ...lines.map((line) => `data:${line}`)].join('\n')
}

async function handle(request, response) {
	const { pathname, searchParams } = new URL(request.url, base)
	const stream = streams.get(pathname)
	if (request.method === 'OPTIONS') {
		answer(response, await ask(request, response, '/r/lobby', request.headers))
		return response.end()
	}
	if (request.method === 'PUT') return create(request, response, pathname)
	if (!stream) return refuse(response, 404)
	if (request.method === 'POST') return post(request, response, stream)
	if (request.method === 'DELETE') {
		streams.delete(pathname)
		return refuse(response, 204)
	}
	return read(request, response, stream, searchParams)
}

const server = http.createServer((request, response) => {
	handle(request, response).catch((error) => {
		if (response.headersSent) response.destroy()
		else refuse(response, 500, String(error))
	})
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
