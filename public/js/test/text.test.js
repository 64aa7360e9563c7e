import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAfter, isRoom, pathOf, roomNamed, roomOf } from '../chat.js'
import { isLarge } from '../room/format.js'
import { mentions } from '../room/mention.js'
import en from '../words/en.js'
import zh from '../words/zh.js'

test('ids are compared as numbers', () => {
  for (const [a, b, after] of [['2-0', '1-9', true], ['10-0', '9-0', true], ['1-10', '1-9', true], ['1-0', '1-0', false], ['0-0', '1-0', false]]) {
    assert.equal(isAfter(a, b), after, `${a} ${b}`)
  }
})

test('a room’s name is what the server takes', () => {
  for (const [name, ok] of [['lobby', true], ['a', true], ['7.up_x-y', true], ['', false], ['Lobby', false], ['-a', false], ['a b', false], ['a'.repeat(64), false], ['../x', false],
    ['项目', true], ['田中ken', true], ['café', true], ['cafe\u0301', false], ['проект-7', true], ['项'.repeat(63), true], ['项'.repeat(64), false], ['项 目', false], ['Проект', false],
    ['ｌｏｂｂｙ', false], ['lоbby', false], ['🎉', false], ['a\u200db', false], ['\u3164', false], ['@a', false]]) {
    assert.equal(isRoom(name), ok, name)
  }
})

test('a room’s address is encoded, and read back', () => {
  for (const room of ['lobby', '项目', 'café', '7.up_x-y']) assert.equal(roomOf(pathOf(room, '1-0')), room)
  assert.equal(pathOf('项目', '1-0'), '/r/%E9%A1%B9%E7%9B%AE/1-0')
  assert.equal(roomOf('/r/cafe%CC%81'), 'café')
  for (const path of ['/', '/r', '/r/', '/x/lobby', '/r/%E9']) assert.equal(roomOf(path), null, path)
  assert.equal(roomNamed('ＣＡＦＥ\u0301'), 'café')
})

test('a mention is a name of its own', () => {
  for (const [text, name, ok] of [
    ['hi @ann', 'ann', true], ['@Ann!', 'ann', true], ['hi @anna', 'ann', false], ['mail@ann', 'ann', false],
    ['@anna and @ann', 'ann', true], ['@Björn Ægirsson, look', 'björn ægirsson', true], ['ann', 'ann', false], ['你好@林', '林', true], ['你好 @林', '林', true],
    ['你好@小明你怎么看', '小明', true], ['@小明さん', '小明', true], ['@ann你好', 'ann', true], ['嗨@ann', 'ann', true], ['@annie你好', 'ann', false], ['a@小明', '小明', false],
  ]) assert.equal(mentions(text, name), ok, text)
})

test('emoji alone are large', () => {
  for (const [text, large] of [['🎉', true], ['🎉 🎉', true], ['👩‍👩‍👧', true], ['🇨🇭', true], ['👍🏽', true], ['a🎉', false], ['12', false], ['', false], [' ', false]]) {
    assert.equal(isLarge(text), large, text)
  }
})

test('both languages say the same things', () => {
  assert.deepEqual(Object.keys(zh), Object.keys(en))
  for (const word of Object.keys(en)) assert.equal(typeof zh[word], typeof en[word], word)
})

test('a longer name that is known is another person', () => {
  assert.equal(mentions('@Kim Larsen, look', 'Kim', ['Kim Larsen']), false)
  assert.equal(mentions('@Kim Larsen and @Kim', 'Kim', ['Kim Larsen']), true)
  assert.equal(mentions('@Kim, look', 'Kim', ['Kim Larsen']), true)
})
