// @ts-check
import { node } from './node.js'

// What a line may hold besides words. Everything is built as nodes: what a
// person typed is never read as markup.
const FENCE = /\n?```(?:[\w+-]*\n)?([\s\S]+?)\n?```\n?/
const CODE = /`([^`\n]+)`/
const BOLD = /\*\*(?=\S)([^\n]+?)(?<=\S)\*\*/
const ITALIC = /(?<![\w*])\*(?=[^\s*])([^\n*]+?)(?<=[^\s*])\*(?![\w*])/
const LINK = /\bhttps?:\/\/[^\s<>"'`]+/i
const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}[\u{1F3FB}-\u{1F3FF}]?\uFE0F?(?:\u200D\p{Extended_Pictographic}[\u{1F3FB}-\u{1F3FF}]?\uFE0F?)*|\p{RI}\p{RI}|\s){1,12}$/u

/** @typedef {{me: string, names: Iterable<string>}} Known who is spoken of */

/** The kinds, the one that hides the others first. @type {[RegExp, (found: RegExpExecArray, known: Known) => Node[]][]} */
const KINDS = [
  [FENCE, ([, code]) => [node('pre', {}, node('code', {}, code))]],
  [CODE, ([, code]) => [node('code', {}, code)]],
  [LINK, ([address]) => link(address)],
  [BOLD, ([, text], known) => [node('strong', {}, ...format(text, known))]],
  [ITALIC, ([, text], known) => [node('em', {}, ...format(text, known))]],
]

/** @param {string} text @param {Known} known @returns {Node[]} */
export function format(text, known) {
  const first = earliest(text)
  if (!first) return mention(text, known)
  const { found, make } = first
  return [
    ...mention(text.slice(0, found.index), known),
    ...make(found, known),
    ...format(text.slice(found.index + found[0].length), known),
  ]
}

/** Reports whether a line is some emoji and nothing else. @param {string} text */
export function isLarge(text) {
  return ONLY_EMOJI.test(text) && /\S/.test(text)
}

/** A text in one line and without its formatting. @param {string} text */
export function plain(text) {
  return text.replace(/```(?:[\w+-]*\n)?|\*\*|`/g, '').replace(/\s+/g, ' ').trim()
}

/** What begins first; of two that begin together, the kind named first. @param {string} text */
function earliest(text) {
  let first
  for (const [pattern, make] of KINDS) {
    const found = pattern.exec(text)
    if (found && (!first || found.index < first.found.index)) first = { found, make }
  }
  return first
}

/** A link, without the sentence's own punctuation. @param {string} address */
function link(address) {
  const end = /[.,;:!?…]+$|(?<![(][^)]*)\)+[.,;:!?…]*$/.exec(address)?.[0] ?? ''
  const href = address.slice(0, address.length - end.length)
  if (!URL.canParse(href)) return [document.createTextNode(address)]
  return [node('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow', tabindex: -1 }, href), document.createTextNode(end)]
}

/** Marks "@name" for the names that are known, the longest first. @param {string} text @param {Known} known @returns {Node[]} */
function mention(text, { me, names }) {
  if (!text.includes('@')) return text ? [document.createTextNode(text)] : []
  const all = [...new Set([me, ...names])].sort((a, b) => b.length - a.length).map(escape)
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}_])@(?:${all.join('|')})(?![\\p{L}\\p{N}_])`, 'giu')
  const nodes = []
  let from = 0
  for (const { 0: found, index } of text.matchAll(pattern)) {
    const mine = found.slice(1).toLowerCase() === me.toLowerCase()
    nodes.push(document.createTextNode(text.slice(from, index)), node('bdi', { class: mine ? 'mention mention--me' : 'mention' }, found))
    from = index + found.length
  }
  return [...nodes, document.createTextNode(text.slice(from))]
}

/** @param {string} text */
function escape(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}
