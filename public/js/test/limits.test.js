import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'

const stored = new Map()
globalThis.localStorage = { getItem: name => stored.get(name) ?? null, setItem: (name, value) => stored.set(name, value) }
const { learnLimits, limit, limits } = await import('../limits.js')

test('the limits are those that the server tells', () => {
  assert.equal(limits().text, Infinity)
  learnLimits({ text: 8000, title: 12, name: 3, room: 9, rooms: 2 })
  assert.equal(limits().text, 8000)
  const field = { maxLength: -1 }
  limit(field, 'title')
  assert.equal(field.maxLength, 12)
})

test('the page has no limit of its own', async () => {
  const root = new URL('../../', import.meta.url)
  assert.doesNotMatch(await readFile(new URL('index.html', root), 'utf8'), /maxlength/)
  for (const file of await readdir(new URL('js/', root), { recursive: true })) {
    if (!file.endsWith('.js') || file.startsWith('test')) continue
    const source = await readFile(new URL(`js/${file}`, root), 'utf8')
    assert.doesNotMatch(source, /= \d[\d_]* \/\/ (characters|graphemes)/, file)
  }
})
