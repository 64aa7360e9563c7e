// @ts-check

// Reads what a line holds besides words. Each character is looked at a fixed
// number of times, whatever is written: nothing here searches the rest of the
// text for an end that is not there, twice.

/**
 * @typedef {string | {kind: 'code' | 'pre' | 'mention', text: string} | {kind: 'link', text: string, href: string}
 *   | {kind: 'strong' | 'em' | 'del' | 'quote', inside: Piece[]} | {kind: 'list', start: number, items: Piece[][]}} Piece `start` 0: not numbered
 */
/** @typedef {{mark: string, kind: 'strong' | 'em' | 'del' | '', pieces: Piece[]}} Frame something that was begun, and may not end */

const FENCE = '```'
const QUOTE = /^>\s?/
const ITEM = /^\s{0,3}(?:[-*•]|(\d{1,3})[.)])\s+(?=\S)/
const KINDS = /** @type {const} */ ({ '**': 'strong', '*': 'em', '~~': 'del' })
// An address ends at a blank, at what quotes it, and at the punctuation of Chinese and Japanese.
const TAIL = '[^\\s<>"`\\u3000-\\u3002\\u3008-\\u3011\\u3014-\\u301B\\uFF01\\uFF08\\uFF09\\uFF0C\\uFF1A\\uFF1B\\uFF1F\\u2018\\u2019\\u201C\\u201D]'
const ADDRESS = new RegExp(`(?:https?://|www\\.[a-z\\d-]{1,63}\\.)${TAIL}+`, 'iy')
// What a link may lead to: no name and password before the host, which would hide it.
const HOST = /^https?:\/\/([\p{L}\p{N}][\p{L}\p{M}\p{N}.-]*|\[[\da-f:.]+\])(?::\d{1,5})?(?:[/?#]|$)/iu
const NUMBER = /(?:^|\.)\d+\.?$/
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/
const MAIL = /[\w.+-]{1,64}@[a-z\d-]{1,63}(?:\.[a-z\d-]{1,63}){1,8}/iy
const WORD = /[\p{L}\p{N}_]/u

/** @param {string} text @param {import('./mention.js').Names} names @returns {Piece[]} */
export function parse(text, names) {
  return new Parser(names).blocks(text)
}

/** Reads one text. It counts its steps, for a test. */
export class Parser {
  steps = 0
  #names

  /** @param {import('./mention.js').Names} names */
  constructor(names) {
    this.#names = names
  }

  /** @param {string} text @returns {Piece[]} */
  blocks(text) {
    /** @type {Piece[]} */
    const pieces = []
    let from = 0
    for (let open = text.indexOf(FENCE); open >= 0; open = text.indexOf(FENCE, from)) {
      const close = text.indexOf(FENCE, open + FENCE.length + 1)
      if (close < 0) break
      pieces.push(...this.#lines(text.slice(from, text[open - 1] === '\n' ? open - 1 : open)))
      const code = text.slice(open + FENCE.length, text[close - 1] === '\n' ? close - 1 : close)
      pieces.push({ kind: 'pre', text: code.replace(/^[\w+-]*\n/, '') || code })
      from = close + FENCE.length + Number(text[close + FENCE.length] === '\n')
    }
    this.steps += text.length
    return [...pieces, ...this.#lines(text.slice(from))]
  }

  /** Quotes and lists, and the lines between them. @param {string} text @returns {Piece[]} */
  #lines(text) {
    if (!text) return []
    /** @type {{kind: 'quote' | 'list' | '', start: number, lines: string[]}[]} */
    const groups = []
    for (const line of text.split('\n')) {
      this.steps++
      const item = ITEM.exec(line)
      const kind = QUOTE.test(line) ? 'quote' : item ? 'list' : ''
      const start = Number(item?.[1] ?? 0)
      const last = groups.at(-1)
      if (last && last.kind === kind && !!last.start === !!start) last.lines.push(line)
      else groups.push({ kind, start, lines: [line] })
    }
    return groups.flatMap(group => this.#group(group))
  }

  /** @param {{kind: 'quote' | 'list' | '', start: number, lines: string[]}} group @returns {Piece[]} */
  #group({ kind, start, lines }) {
    if (kind === 'list') return [{ kind, start, items: lines.map(line => this.inline(line.replace(ITEM, ''))) }]
    if (kind === 'quote') return [{ kind, inside: this.inline(lines.map(line => line.replace(QUOTE, '')).join('\n')) }]
    return this.inline(lines.join('\n'))
  }

  /** @param {string} text @returns {Piece[]} */
  inline(text) {
    /** @type {Frame[]} */
    const frames = [{ mark: '', kind: '', pieces: [] }]
    let noCode = 0 // up to here no code begins
    for (let at = 0, next = 0; at < text.length; at = next) {
      this.steps++
      next = at + 1
      const c = text[at]
      if (c === '\n') end(frames, 1)
      else if (c === '`' && at >= noCode) {
        const code = codeAt(text, at)
        if (code.end) next = this.#add(frames, { kind: 'code', text: text.slice(at + 1, code.end - 1) }, code.end)
        else noCode = code.none
        if (code.end) continue
      } else if (c === '*' || c === '~') {
        const length = this.#emphasis(text, at, frames)
        if (length) {
          next = at + length
          continue
        }
      } else if (c === '@' || isWordStart(text, at)) {
        const found = c === '@' ? this.#mention(text, at) : link(text, at)
        if (found) {
          next = this.#add(frames, found.piece, found.end)
          continue
        }
      }
      push(frames, c)
    }
    end(frames, 1)
    return frames[0].pieces
  }

  /** @param {Frame[]} frames @param {Piece} piece @param {number} to */
  #add(frames, piece, to) {
    push(frames, piece)
    return to
  }

  /** @param {string} text @param {number} at */
  #mention(text, at) {
    const n = this.#names.at(text, at)
    if (n) return { piece: /** @type {Piece} */ ({ kind: 'mention', text: text.slice(at, at + 1 + n) }), end: at + 1 + n }
  }

  /** Ends or begins what is bold, italic or struck out; answers with the length of the mark, 0: it is none. @param {string} text @param {number} at @param {Frame[]} frames */
  #emphasis(text, at, frames) {
    const two = text[at + 1] === text[at]
    if (text[at] === '~' && !two) return 0
    const mark = /** @type {keyof typeof KINDS} */ (two ? text[at] + text[at] : text[at])
    const before = text[at - 1] ?? ' '
    const after = text[at + mark.length] ?? ' '
    const open = frames.findIndex(frame => frame.mark === mark)
    const single = mark === '*'
    if (open > 0 && !/\s/.test(before) && isFull(frames, open) && !(single && (WORD.test(after) || before === '*'))) {
      end(frames, open + 1)
      const { pieces } = /** @type {Frame} */ (frames.pop())
      push(frames, { kind: KINDS[mark], inside: pieces })
      return mark.length
    }
    if (open > 0 || /\s/.test(after) || (single && (WORD.test(before) || after === '*'))) return 0
    frames.push({ mark, kind: KINDS[mark], pieces: [] })
    return mark.length
  }
}

/** Where code ends that begins here; else up to where no code begins. @param {string} text @param {number} at */
function codeAt(text, at) {
  const close = text.indexOf('`', at + 1)
  if (close < 0) return { end: 0, none: Infinity }
  if (close === at + 1) return { end: 0, none: at + 2 }
  const line = text.slice(at, close).indexOf('\n')
  return line < 0 ? { end: close + 1, none: 0 } : { end: 0, none: at + line }
}

/** @param {Frame[]} frames @param {number} open */
function isFull(frames, open) {
  return frames.length > open + 1 || frames[open].pieces.length > 0
}

/** Takes what did not end as it is written. @param {Frame[]} frames @param {number} keep */
function end(frames, keep) {
  while (frames.length > keep) {
    const { mark, pieces } = /** @type {Frame} */ (frames.pop())
    for (const piece of [mark, ...pieces]) push(frames, piece)
  }
}

/** @param {Frame[]} frames @param {Piece} piece */
function push(frames, piece) {
  const { pieces } = frames[frames.length - 1]
  const last = pieces.length - 1
  if (typeof piece === 'string' && typeof pieces[last] === 'string') pieces[last] += piece
  else pieces.push(piece)
}

/** @param {string} text @param {number} at */
function isWordStart(text, at) {
  return /[a-z\d]/i.test(text[at]) && !/[\w.+-]/.test(text[at - 1] ?? ' ')
}

/** An address that begins here, without the sentence's own punctuation. @param {string} text @param {number} at @returns {{piece: Piece, end: number} | undefined} */
function link(text, at) {
  const page = match(ADDRESS, text, at)
  const address = trimmed(page ?? match(MAIL, text, at) ?? '')
  const href = !page ? `mailto:${address}` : /^www\./i.test(address) ? `https://${address}` : address
  if (address && (!page || leads(href))) return { piece: { kind: 'link', text: address, href }, end: at + address.length }
}

/** Reports whether a link may lead there. @param {string} href */
function leads(href) {
  const host = HOST.exec(href)?.[1]
  return host && (!NUMBER.test(host) || IPV4.test(host)) && URL.canParse(href)
}

/** @param {RegExp} pattern sticky @param {string} text @param {number} at */
function match(pattern, text, at) {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

/** @param {string} address */
function trimmed(address) {
  let open = 0
  for (const c of address) open += Number(c === '(') - Number(c === ')')
  let end = address.length
  for (; end > 0; end--) {
    const c = address[end - 1]
    if (c === ')' && open < 0) open++
    else if (!/[.,;:!?…'*~]/.test(c)) break
  }
  return address.slice(0, end)
}
