// Logs in, posts, reads, edits and deletes by openapi-fetch, with the types that openapi-typescript made.
import createClient from 'openapi-fetch'
import type { components, paths } from './confab'

const room = 'generated-ts'
const baseUrl = process.argv[2]

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('no answer')
  return value
}

const login = await createClient<paths>({ baseUrl }).POST('/login', { body: { name: 'typescript', token: true } })
const client = createClient<paths>({ baseUrl, headers: { Accept: 'application/json', Authorization: `Bearer ${given(login.data).token}` } })
const posted = given((await client.POST('/r/{room}', { params: { path: { room } }, body: { text: 'hello' } })).data)
async function read(): Promise<components['schemas']['Page']> {
  const page = given((await client.GET('/r/{room}', { params: { path: { room } } })).data)
  if (typeof page !== 'object' || !('events' in page)) throw new Error(`not a page: ${page}`)
  return page
}
const ids = (page: components['schemas']['Page']) => page.events.map(event => ('id' in event ? event.id : ''))
if (ids(await read()).join() !== posted.id) throw new Error('the message is not the only one')
const edited = given((await client.PATCH('/r/{room}/{id}', { params: { path: { room, id: posted.id } }, body: { text: 'hello again' } })).data)
if (edited.text !== 'hello again') throw new Error(`edited is ${edited.text}`)
const deleted = given((await client.DELETE('/r/{room}/{id}', { params: { path: { room, id: posted.id } } })).data)
if (deleted.target !== posted.id || ids(await read()).includes(posted.id)) throw new Error('the message is still there')
console.log('ok')
