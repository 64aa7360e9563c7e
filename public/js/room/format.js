// @ts-check
import { parse } from './markup.js'
import { Names } from './mention.js'
import { node } from './node.js'

const EMOJI = '(?:[0-9#*]\\uFE0F?\\u20E3|\\p{RI}\\p{RI}|\\p{Extended_Pictographic}[\\u{1F3FB}-\\u{1F3FF}]?\\uFE0F?(?:\\u200D\\p{Extended_Pictographic}[\\u{1F3FB}-\\u{1F3FF}]?\\uFE0F?)*[\\u{E0020}-\\u{E007F}]*)'
const ONLY_EMOJI = new RegExp(`^\\s*(?:${EMOJI}\\s*){1,12}$`, 'u')

/** @typedef {{me: string, names: Iterable<string>}} Known who is spoken of */

/** The nodes of a text: what a person typed is never read as markup. @param {string} text @param {Known} known @returns {Node[]} */
export function format(text, { me, names }) {
  return parse(text, new Names([me, ...names])).map(piece => built(piece, me))
}

/** @param {import('./markup.js').Piece} piece @param {string} me @returns {Node} */
function built(piece, me) {
  if (typeof piece === 'string') return document.createTextNode(piece)
  const all = (/** @type {import('./markup.js').Piece[]} */ pieces) => pieces.map(one => built(one, me))
  switch (piece.kind) {
    case 'pre': return node('pre', { tabindex: -1 }, node('code', {}, piece.text))
    case 'code': return node('code', {}, piece.text)
    case 'link': return node('a', { href: piece.href, target: '_blank', rel: 'noopener noreferrer nofollow', tabindex: -1 }, piece.text)
    case 'mention': return node('bdi', { class: isMe(piece.text, me) ? 'mention mention--me' : 'mention' }, piece.text)
    case 'quote': return node('blockquote', {}, ...all(piece.inside))
    case 'list': return node(piece.start ? 'ol' : 'ul', { start: piece.start > 1 && piece.start }, ...piece.items.map(item => node('li', {}, ...all(item))))
    default: return node(piece.kind, {}, ...all(piece.inside))
  }
}

/** @param {string} call @param {string} me */
function isMe(call, me) {
  return call.slice(1).toLowerCase() === me.toLowerCase()
}

/** Reports whether a line is some emoji and nothing else. @param {string} text */
export function isLarge(text) {
  return text.length < 200 && ONLY_EMOJI.test(text)
}

/** A text in one line and without its formatting. @param {string} text */
export function plain(text) {
  return text.replace(/```(?:[\w+-]*\n)?|\*\*|~~|`|^> ?/gm, '').replace(/\s+/g, ' ').trim()
}
