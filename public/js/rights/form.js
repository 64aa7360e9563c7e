// @ts-check
import { Problem } from '../call.js'
import { say as common } from '../say.js'
import { node } from '../room/node.js'
import { openSheet } from '../room/sheet.js'

let made = 0 // fields, each of which has an id of its own

/** A field with its label. @template {HTMLElement} E @param {string} label @param {E} field @param {string} [why] stands under it */
export function labelled(label, field, why = '') {
  field.id ||= `rights-${++made}`
  const note = why ? node('small', { id: `${field.id}-why` }, why) : null
  if (note) field.setAttribute('aria-describedby', note.id)
  return node('div', { class: 'choose' }, node('label', { for: field.id }, label), field, note)
}

/** A choice of one. @param {[string, string][]} options value and words @param {string} [chosen] @param {string} [name] */
export function select(options, chosen = options[0][0], name = '') {
  const all = options.some(([value]) => value === chosen) ? options : /** @type {[string, string][]} */ ([...options, [chosen, chosen]])
  return node('select', { class: 'select', name: name || null }, ...all.map(([value, words]) => node('option', { value, selected: value === chosen }, words)))
}

/** @param {string} words @param {string} name @param {boolean} [checked] */
export function check(words, name, checked = false) {
  return node('label', { class: 'check' }, node('input', { type: 'checkbox', name, checked }), ' ', node('span', {}, words))
}

/** What went wrong, for whoever asked for it. @param {unknown} problem */
export function whyOf(problem) {
  return problem instanceof Problem ? problem.message : common('brokenWhy')
}

/**
 * Asks before something is done, in a dialog that stays open until it is.
 * @param {string} title
 * @param {{inside: Node[], button: string, bad?: boolean, run: (form: HTMLFormElement) => Promise<void>}} what
 */
export function ask(title, { inside, button, bad = false, run }) {
  const error = node('p', { class: 'ask__error', role: 'alert' })
  const go = node('button', { class: bad ? 'button button--bad' : 'button' }, button)
  const cancel = node('button', { class: 'quiet', type: 'button' }, common('cancel'))
  const form = node('form', { class: 'ask' }, ...inside, error, node('div', { class: 'sheet__end' }, cancel, go))
  form.noValidate = true
  const sheet = openSheet(title, [form])
  cancel.addEventListener('click', () => sheet.close())
  form.addEventListener('submit', async event => {
    event.preventDefault()
    if (go.ariaBusy) return
    go.ariaBusy = 'true'
    error.textContent = ''
    try {
      await run(form)
      sheet.close()
    } catch (problem) {
      error.textContent = whyOf(problem)
    }
    go.ariaBusy = null
  })
  return { sheet, form }
}
