// Drives a Firefox for the tests, over WebDriver BiDi. A request is a line of
// JSON on stdin, its answer a line on stdout. It ends when stdin does.
import { createInterface } from 'node:readline'
import puppeteer from 'puppeteer-core'

const browser = await puppeteer.launch({
  browser: 'firefox',
  executablePath: process.argv[2],
  headless: true,
  timeout: 120_000, // on a machine with much else to do
  extraPrefsFirefox: {
    'intl.accept_languages': 'en-US', 'network.captive-portal-service.enabled': false, 'network.connectivity-service.enabled': false,
  },
})
const pages = []
const wrong = []

const does = {
  /** A page of somebody who was never here. */
  async open(_, url) {
    const page = await (await browser.createBrowserContext()).newPage({ type: 'window' })
    const n = pages.push(page) - 1
    wrong[n] = []
    page.on('pageerror', error => wrong[n].push(String(error?.stack ?? error)))
    await page.setViewport({ width: 800, height: 600 })
    await page.goto(url, { waitUntil: 'domcontentloaded' })
    return n
  },
  eval: (page, js) => page.evaluate(js),
  /** Does something as somebody who looks at this window: only that has the focus. */
  async run(page, js) {
    await page.bringToFront()
    return page.evaluate(js)
  },
  async write(page, text) {
    await page.bringToFront()
    await page.keyboard.type(text)
  },
  async press(page, key, ...held) {
    await page.bringToFront()
    for (const one of held) await page.keyboard.down(one)
    await page.keyboard.press(key)
    for (const one of held.reverse()) await page.keyboard.up(one)
  },
  reload: page => page.reload({ waitUntil: 'domcontentloaded' }).then(() => {}),
  wrong: page => wrong[pages.indexOf(page)],
}

for await (const line of createInterface({ input: process.stdin })) {
  const { on, what, args } = JSON.parse(line)
  const answer = await Promise.resolve(does[what](pages[on], ...args)).then(value => ({ value: value ?? null }), error => ({ error: String(error) }))
  console.log(JSON.stringify(answer))
}
await browser.close()
