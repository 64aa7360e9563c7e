// @ts-check

/** Reports whether a text speaks to somebody of that name. @param {string} text @param {string} name */
export function mentions(text, name) {
  return at(text, name) >= 0
}

/** Where in a text "@name" stands as a word of its own, or -1. @param {string} text @param {string} name */
function at(text, name) {
  const low = text.toLowerCase()
  const call = `@${name.toLowerCase()}`
  for (let i = low.indexOf(call); i >= 0; i = low.indexOf(call, i + 1)) {
    if (!isLetter(low[i - 1]) && !isLetter(low[i + call.length])) return i
  }
  return -1
}

/** @param {string | undefined} character */
function isLetter(character) {
  return character !== undefined && /[\p{L}\p{N}_]/u.test(character)
}
