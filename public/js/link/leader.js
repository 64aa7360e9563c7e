// @ts-check

/**
 * Lets one tab of the browser lead: HTTP/1.1 gives six connections to a host,
 * and the seventh tab would wait for ever. Where the page has no locks (no
 * secure context), every tab that can be seen leads for itself.
 * @param {string} name
 * @param {{lead: () => void, follow: () => void}} tab
 * @returns {{usurp: () => void}} takes the lead from one that fell asleep
 */
export function leadOneTab(name, { lead, follow }) {
  if (!navigator.locks) return leadWhileSeen(lead, follow)
  let resign = () => {}
  let alone = false // there are no locks where the site's data is blocked

  const stand = (steal = false) => navigator.locks.request(name, { steal }, () => {
    lead()
    return new Promise(resolve => { resign = () => resolve(undefined) })
  }).then(follow, error => {
    if (error?.name !== 'AbortError') return leadAlone()
    follow() // stolen: stand again behind the thief
    stand()
  })

  const leadAlone = () => {
    if (!alone) leadWhileSeen(lead, follow)
    alone = true
  }

  stand()
  addEventListener('pagehide', () => resign())
  addEventListener('pageshow', event => event.persisted && !alone && stand())
  return { usurp: () => { if (!alone) stand(true) } }
}

/** @param {() => void} lead @param {() => void} follow */
function leadWhileSeen(lead, follow) {
  const look = () => (document.hidden ? follow() : lead())
  document.addEventListener('visibilitychange', look)
  look()
  return { usurp: () => {} }
}
