// @ts-check

// Scripts that are written without spaces between words, or whose particles
// follow a name directly: there a name ends where it ends.
const SPACELESS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u30FC\u3005]/u
const LETTER = /[\p{L}\p{M}\p{N}_]/u

/** Names that a text may call, as "@name". */
export class Names {
  /** @type {Map<string, string[]>} the first letter to names in small letters, the longest first */
  #byFirst = new Map()

  /** @param {Iterable<string>} names */
  constructor(names) {
    const all = [...new Set(names)].filter(Boolean).sort((a, b) => b.length - a.length)
    for (const name of all) {
      const first = firstOf(name)
      this.#byFirst.set(first, [...this.#byFirst.get(first) ?? [], name.toLowerCase()])
    }
  }

  /** How long the name is that is called by the "@" at this place; 0: none is. @param {string} text @param {number} at */
  at(text, at) {
    if (text[at] !== '@' || !mayCall(text, at)) return 0
    const from = at + 1
    for (const name of this.#byFirst.get(firstOf(text.slice(from, from + 2))) ?? []) {
      const end = from + name.length
      if (text.slice(from, end).toLowerCase() === name && endsAt(text, end)) return name.length
    }
    return 0
  }
}

/** Reports whether a text speaks to somebody of that name, and not to one of the others. @param {string} text @param {string} name @param {Iterable<string>} [others] */
export function mentions(text, name, others = []) {
  if (!text.includes('@')) return false
  const names = new Names([name, ...others])
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    const n = names.at(text, at)
    if (n && text.slice(at + 1, at + 1 + n).toLowerCase() === name.toLowerCase()) return true
  }
  return false
}

/** Reports whether an "@" at this place may call somebody: it is not in the middle of an address. @param {string} text @param {number} at */
export function mayCall(text, at) {
  const before = lastOf(text, at)
  return !LETTER.test(before) || SPACELESS.test(before)
}

/** @param {string} text @param {number} end */
function endsAt(text, end) {
  const after = end < text.length ? String.fromCodePoint(text.codePointAt(end) ?? 0) : ''
  return !LETTER.test(after) || SPACELESS.test(after) || SPACELESS.test(lastOf(text, end))
}

/** The character before a place. @param {string} text @param {number} at */
function lastOf(text, at) {
  return /[\uDC00-\uDFFF]/.test(text[at - 1] ?? '') ? text.slice(at - 2, at) : text[at - 1] ?? ''
}

/** @param {string} text */
function firstOf(text) {
  return String.fromCodePoint(text.codePointAt(0) ?? 0).toLowerCase()
}
