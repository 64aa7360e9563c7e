import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'

const root = new URL('../../', import.meta.url)

test('what the page asks for is there', async () => {
  for (const name of ['page.html', 'index.html']) {
    const page = await readFile(new URL(name, root), 'utf8')
    for (const [, path] of page.matchAll(/(?:href|src)="\/((?:app|js|css|icons)\/[^"]+)"/g)) await readFile(new URL(path, root))
  }
})

test('the page loads nothing from elsewhere and holds no script or style of its own', async () => {
  const page = await readFile(new URL('index.html', root), 'utf8')
  assert.doesNotMatch(page, /(?:href|src|action)="(?:https?:)?\/\//)
  assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/)
})

test('no module makes markup out of text', async () => {
  for (const folder of ['js', 'js/link', 'js/rights', 'js/room', 'js/words']) {
    for (const file of (await readdir(new URL(`${folder}/`, root))).filter(name => name.endsWith('.js'))) {
      const source = await readFile(new URL(`${folder}/${file}`, root), 'utf8')
      assert.doesNotMatch(source, /\.(?:inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, `${folder}/${file}`)
    }
  }
})
