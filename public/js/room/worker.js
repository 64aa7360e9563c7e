// @ts-check

/** Has the page's files kept in the browser, so that it opens without a network too. */
export async function keepShell() {
  if (!navigator.serviceWorker) return
  const types = /** @type {any} */ (window).trustedTypes
  const address = types?.createPolicy('confab', { createScriptURL: () => '/sw.js' }).createScriptURL('') ?? '/sw.js'
  await navigator.serviceWorker.register(address, { updateViaCache: 'none' })
}
