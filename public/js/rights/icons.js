// @ts-check

/** @type {Record<string, string>} by name, on a field of 20 by 20 */
const PATHS = {
  mention: 'M13 10a3 3 0 1 1-6 0 3 3 0 0 1 6 0v1.500c0 2.500 3.500 2.500 3.500-1.500a6.500 6.500 0 1 0-3 5.500',
  alone: 'M3 5h14v10H3zM3.500 5.500 10 11l6.500-5.500',
  mute: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M5 5l10 10',
  ban: 'M10 3l6 2v5c0 4-3 6-6 7-3-1-6-3-6-7V5zM7.500 7.500l5 5M12.500 7.500l-5 5',
  lift: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M6.500 10.500l2.500 2.500 4.500-5.500',
  report: 'M5 17V3.500h10.500L13 7l2.500 3.500H5',
  rank: 'M10 3l6 2v5c0 4-3 6-6 7-3-1-6-3-6-7V5z',
  out: 'M11 4H4v12h7M8.500 10h8M13.500 7l3 3-3 3',
  members: 'M10 7a3 3 0 1 1-6 0 3 3 0 0 1 6 0M1.500 16.500c0-6 11-6 11 0M13 4.200a3 3 0 0 1 0 5.600M14.500 12.300c2.200.6 3.500 2.100 3.500 4.200',
}

const SVG = 'http://www.w3.org/2000/svg'

/** Puts the icons of this part beside the page's own, once. @param {Element} sprite */
export function addIcons(sprite) {
  for (const [name, path] of Object.entries(PATHS)) {
    const symbol = document.createElementNS(SVG, 'symbol')
    symbol.id = `i-${name}`
    symbol.setAttribute('viewBox', '0 0 20 20')
    const drawn = document.createElementNS(SVG, 'path')
    drawn.setAttribute('d', path)
    symbol.append(drawn)
    sprite.append(symbol)
  }
}
