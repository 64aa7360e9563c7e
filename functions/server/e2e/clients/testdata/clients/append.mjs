// Writes with the official client of Durable Streams: node append.mjs <address of the room> <token>
import { DurableStream, IdempotentProducer } from '@durable-streams/client'

const [url, token] = process.argv.slice(2)
const options = { url, headers: { authorization: `Bearer ${token}` }, contentType: 'application/json' }
const said = (/** @type {string} */ text) => JSON.stringify({ text })

const room = await DurableStream.create(options)
await room.append(said('one'))
await Promise.all([room.append(said('two')), room.append(said('three')), room.append(said('four'))]) // the last two in one request

const again = await DurableStream.create(options) // the room is there
const producer = new IdempotentProducer(again, 'producer-1', { maxInFlight: 1 })
producer.append(said('five'))
producer.append(said('six'))
await producer.flush()
