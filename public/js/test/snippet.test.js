import assert from 'node:assert/strict'
import { test } from 'node:test'
import { snippet } from '../room/snippet.js'

const marked = (text, look) => snippet(text, look).map(({ text, hit }) => (hit ? `[${text}]` : text)).join('')

test('what was looked for is marked, in whatever form it was written', () => {
  for (const [text, look, want] of [
    ['the Sea, the sea', 'SEA', 'the [Sea], the [sea]'], ['我家在上海东边', '上海', '我家在[上海]东边'],
    ['ｆｕｌｌ width', 'full W', '[ｆｕｌｌ w]idth'], ['nach ΟΔΟΣ', 'οδος', 'nach [ΟΔΟΣ]'], ['Straße', 'strasse', '[Straße]'],
    ['cafe\u0301', 'café', '[café]'], ['nothing', 'else', 'nothing'], ['aaa', 'a', '[a][a][a]'], ['any', '', 'any'],
    ['ﬁne', 'i', '[ﬁ]ne'],
  ]) assert.equal(marked(text, look), want, `${look} in ${text}`)
})

test('of a long text the part around the first hit is shown', () => {
  const parts = snippet(`${'before '.repeat(100)}needle${' after'.repeat(100)}`, 'needle')
  assert.deepEqual([parts[0].text, parts.at(-1)?.text, parts[2].text, parts[2].hit], ['…', '…', 'needle', true])
  assert.ok(parts.map(({ text }) => text).join('').length < 250)
})
