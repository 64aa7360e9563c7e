// @ts-check

const BEFORE = 40 // letters shown before the first hit
const MOST = 200 // letters shown of a text

/** @typedef {{text: string, hit: boolean}} Part */

/**
 * The part of a text around what was looked for, with every hit in it told
 * from the rest. Where none is found, as the server compares more forms of a
 * letter than one can mark, it is the beginning of the text.
 * @param {string} text @param {string} look @returns {Part[]}
 */
export function snippet(text, look) {
  const letters = [...text.normalize('NFC')]
  const { folded, at } = foldAll(letters)
  const wanted = foldAll([...look.trim().normalize('NFC')]).folded
  const hits = wanted ? hitsIn(folded, wanted).map(([from, to]) => [at[from], at[to - 1] + 1]) : []
  const start = Math.max(0, (hits[0]?.[0] ?? 0) - BEFORE)
  const end = Math.min(letters.length, start + MOST)
  /** @type {Part[]} */
  const parts = []
  const add = (/** @type {number} */ from, /** @type {number} */ to, hit = false) => {
    if (to > from) parts.push({ text: letters.slice(from, to).join(''), hit })
  }
  let shown = start
  for (const [from, to] of hits.filter(([from]) => from < end)) {
    add(shown, from)
    add(Math.max(shown, from), Math.min(to, end), true)
    shown = Math.max(shown, Math.min(to, end))
  }
  add(shown, end)
  if (start > 0) parts.unshift({ text: '…', hit: false })
  if (end < letters.length) parts.push({ text: '…', hit: false })
  return parts
}

/** Letters as they are compared, and which letter each unit of that is of. @param {string[]} letters */
function foldAll(letters) {
  let folded = ''
  /** @type {number[]} */
  const at = []
  letters.forEach((letter, i) => {
    const form = letter.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC').replaceAll('ς', 'σ')
    folded += form
    for (let n = form.length; n > 0; n--) at.push(i)
  })
  return { folded, at }
}

/** @param {string} text @param {string} look */
function hitsIn(text, look) {
  const hits = []
  for (let from = text.indexOf(look); from >= 0; from = text.indexOf(look, from + look.length)) hits.push([from, from + look.length])
  return hits
}
