import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Parser, parse } from '../room/markup.js'
import { Names } from '../room/mention.js'

const names = new Names(['ann', 'Kim', 'Kim Larsen', '小明'])

/** What was read, as short text. */
function short(pieces) {
  return pieces.map(piece => {
    if (typeof piece === 'string') return piece
    const { kind, text, href, inside, items, start } = piece
    if (kind === 'list') return `{list${start || ''} ${items.map(short).join('|')}}`
    if (kind === 'link') return href === text ? `{link ${text}}` : `{link ${text} ${href}}`
    return `{${kind} ${text ?? short(inside)}}`
  }).join('')
}

test('a line holds a small subset of markup', () => {
  for (const [text, want] of [
    ['a **bold** and *thin* ~~gone~~ `co*d*e`', 'a {strong bold} and {em thin} {del gone} {code co*d*e}'],
    ['2*3*4 and snake_case_name, ** no ** ~ ~~ ~~', '2*3*4 and snake_case_name, ** no ** ~ ~~ ~~'],
    ['**a *b* c**', '{strong a {em b} c}'], ['**a *b** c*', '{strong a *b} c*'], ['**a\nb**', '**a\nb**'], ['****', '****'], ['``', '``'],
    ['`a\nb`', '`a\nb`'], ['`` `a`', '`` {code a}'],
    ['```go\nx := `1`\n```', '{pre x := `1`}'], ['a\n```\nb\n```\nc', 'a{pre b}c'], ['```never', '```never'],
    ['> said **so**\n> twice\nand I', '{quote said {strong so}\ntwice}and I'], ['a > b', 'a > b'],
    ['- one\n- *two*\nend', '{list one|{em two}}end'], ['1. a\n2. b', '{list1 a|b}'], ['-1', '-1'], ['2024. was', '2024. was'],
  ]) assert.equal(short(parse(text, names)), want, text)
})

test('an address ends where its sentence goes on', () => {
  for (const [text, want] of [
    ['see https://example.com/a_b_(c), now', 'see {link https://example.com/a_b_(c)}, now'],
    ['(https://example.com/x)', '({link https://example.com/x})'],
    ['https://ex.test/a。好', '{link https://ex.test/a}。好'], ['（https://ex.test/a）', '（{link https://ex.test/a}）'], ['看https://ex.test/a，', '看{link https://ex.test/a}，'],
    ['https://en.example/Schindler\'s_List', '{link https://en.example/Schindler\'s_List}'], ['https://zh.example/上海', '{link https://zh.example/上海}'],
    ['www.example.org.', '{link www.example.org https://www.example.org}.'], ['a@b.example, x', '{link a@b.example mailto:a@b.example}, x'],
    ['javascript:alert(1) http:// xhttps://a', 'javascript:alert(1) http:// xhttps://a'],
    ['www.mail@ex.test https://bank.test@ex.test/ http://[::1]:80/ http://a^b', '{link www.mail@ex.test mailto:www.mail@ex.test} https://{link bank.test@ex.test mailto:bank.test@ex.test}/ {link http://[::1]:80/} http://a^b'],
    ['**https://ex.test/a**', '{strong {link https://ex.test/a}}'],
  ]) assert.equal(short(parse(text, names)), want, text)
})

test('a name is called in any script', () => {
  for (const [text, want] of [
    ['hi @ann and @annabel', 'hi {mention @ann} and @annabel'], ['你好@小明你怎么看', '你好{mention @小明}你怎么看'], ['@小明さん', '{mention @小明}さん'],
    ['@Kim Larsen', '{mention @Kim Larsen}'], ['mail@ann', 'mail@ann'], ['**@ann**', '{strong {mention @ann}}'],
  ]) assert.equal(short(parse(text, names)), want, text)
})

test('reading is linear in the text, whatever the markup', () => {
  const indexOf = String.prototype.indexOf
  const cost = text => {
    let scanned = 0
    String.prototype.indexOf = function (what, from = 0) {
      const at = indexOf.call(this, what, from)
      scanned += (at < 0 ? this.length : at) - from + 1
      return at
    }
    try {
      const parser = new Parser(names)
      parser.blocks(text)
      return parser.steps + scanned
    } finally {
      String.prototype.indexOf = indexOf
    }
  }
  for (const part of ['**x', '@`a`', '`', '``', '``a', '*a ', '*a', '~~a**b*c', '```', '```a', '> ', '- ', '1. a\n', '@', '@ann', 'h', 'www.', 'https://', '(', 'https://a(', 'a@', 'a.', '`\n', '**a\n', '* *', '***', '~~~']) {
    const few = cost(part.repeat(1000))
    const many = cost(part.repeat(4000))
    assert.ok(many <= 4.5 * few && many < 40 * part.length * 4000, `${part}: ${few} steps, and ${many} for four times as much`)
  }
})
