// @ts-check
import { isEnglish, locale } from './say.js'
import en from './words/seldom-en.js'

/** @typedef {typeof en} Words */

/** @type {Words} */
const words = isEnglish() ? en : (await import('./words/seldom-zh.js')).default

/**
 * A word of what most visits do without.
 * @template {keyof Words} K
 * @param {K} word
 * @param {Words[K] extends (values: infer V) => string ? V : undefined} [values]
 * @returns {string}
 */
export function say(word, values) {
  const said = /** @type {any} */ (words[word])
  return typeof said === 'function' ? said(values) : said
}

const UNITS = /** @type {const} */ ([[86_400, 'day'], [3_600, 'hour'], [60, 'minute'], [1, 'second']])

/** A span of time in words, "10 minutes". @param {number} seconds */
export function span(seconds) {
  const [size, unit] = UNITS.find(([size]) => seconds % size === 0) ?? [1, 'second']
  return new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / size)
}
