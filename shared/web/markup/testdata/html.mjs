// Reads texts with the page's own module and writes what the page makes of them, as JSON.
import { readFileSync } from 'node:fs'
import { parse } from '../../../../public/js/room/markup.js'
import { Names } from '../../../../public/js/room/mention.js'

const { me, others, texts } = JSON.parse(readFileSync(0, 'utf8'))
const names = new Names([me, ...others])
const esc = text => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&#34;').replaceAll("'", '&#39;')
const all = pieces => pieces.map(html).join('')
function html(piece) {
  if (typeof piece === 'string') return esc(piece)
  switch (piece.kind) {
    case 'pre': return `<pre><code>${esc(piece.text)}</code></pre>`
    case 'code': return `<code>${esc(piece.text)}</code>`
    case 'link': return `<a href="${esc(piece.href)}" target="_blank" rel="noopener noreferrer nofollow">${esc(piece.text)}</a>`
    case 'mention': return `<bdi class="mention${piece.text.slice(1).toLowerCase() === me.toLowerCase() ? ' mention--me' : ''}">${esc(piece.text)}</bdi>`
    case 'quote': return `<blockquote>${all(piece.inside)}</blockquote>`
    case 'list': {
      const tag = piece.start ? 'ol' : 'ul'
      return `<${tag}${piece.start > 1 ? ` start="${piece.start}"` : ''}>${piece.items.map(item => `<li>${all(item)}</li>`).join('')}</${tag}>`
    }
    default: return `<${piece.kind}>${all(piece.inside)}</${piece.kind}>`
  }
}
process.stdout.write(JSON.stringify(texts.map(text => all(parse(text, names)))))
