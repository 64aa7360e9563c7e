package public_test

import (
	"encoding/json"
	"html"
	"os"
	"regexp"
	"strings"
	"testing"
)

// What the server fills into the markup of a room. Each stands there once.
var holes = []struct{ at, hole string }{
	{`<bdi></bdi></h1>`, `<bdi>{{room}}</bdi></h1>`},
	{`<p class="bar__topic" dir="auto"></p>`, `<p class="bar__topic" dir="auto">{{title}}</p>`},
	{`<ol class="lines"></ol>`, `<ol class="lines">{{lines}}</ol>` + "\n      <noscript><p class=\"log__links\">{{links}}</p></noscript>"},
	{`<form class="composer">`, `<form class="composer" method="post" action="{{path}}"><input type="hidden" name="key" value="{{key}}">`},
	{`<textarea class="field composer__box"`, `<textarea name="text" required class="field composer__box"`},
	{`role="log"`, `role="log" aria-label="{{room}}"`},
}

const guest = `<noscript><main class="login"><h1 class="login__title">{{room}}</h1>
<form class="login__form" method="post" action="/login"><label class="login__label" for="name" data-say="yourName"></label>
<input class="field login__name" id="name" name="user" required><input type="hidden" name="next" value="{{path}}"><button class="button login__join" data-say="join"></button></form>
<ol class="lines">{{lines}}</ol><p class="log__links">{{links}}</p></main></noscript>
`

// room makes of the page what the server fills in for a room's own document.
func (b *bundle) room(tb testing.TB, page, lang string) []byte {
	tb.Helper()
	head, rest, ok := strings.Cut(page, "<body>\n")
	member, ok2 := between(page, `<template id="room-page">`, "</template>")
	links, ok3 := between(page, `<template id="room-head">`, "</template>")
	style := regexp.MustCompile(`<link rel="stylesheet" href="/css/base\.css">\n`)
	if !ok || !ok2 || !ok3 || !style.MatchString(head) {
		tb.Fatal("page.html has lost the parts that a room is made of")
	}
	head = style.ReplaceAllString(head, strings.TrimLeft(links, "\n"))
	for _, h := range holes {
		member = replaceOnce(tb, member, h.at, h.hole)
	}
	head = replaceOnce(tb, head, `<html lang="en">`, `<html lang="`+lang+`">`)
	head = replaceOnce(tb, head, `<title>Confab</title>`, `<title>{{room}}</title>
<meta property="og:type" content="website"><meta property="og:site_name" content="Confab">
<meta property="og:title" content="{{room}}"><meta property="og:description" content="{{description}}">`)
	head = regexp.MustCompile(`<meta name="description" content="[^"]*">`).ReplaceAllString(head, `<meta name="description" content="{{description}}">`)
	rest = regexp.MustCompile(`<noscript>.*</noscript>\n`).ReplaceAllString(rest, "")
	rest = replaceOnce(tb, rest, "</body>", "{{body}}</body>")
	words := wordsOf(tb, lang)
	parts := map[string]any{
		"document": b.rewrite(tb, head+"<body class=\"{{class}}\">\n"+rest),
		"member":   say(tb, member, words),
		"guest":    say(tb, guest, words),
		"lang":     lang,
	}
	for _, name := range []string{"gone", "edited", "newHere", "loadOlder", "refresh"} {
		parts[name] = words[name]
	}
	out, err := json.MarshalIndent(parts, "", "\t")
	if err != nil {
		tb.Fatal(err)
	}
	return append(out, '\n')
}

func between(s, from, to string) (string, bool) {
	_, s, ok := strings.Cut(s, from)
	s, _, ok2 := strings.Cut(s, to)
	return s, ok && ok2
}

func replaceOnce(tb testing.TB, s, old, by string) string {
	tb.Helper()
	if strings.Count(s, old) != 1 {
		tb.Fatalf("page.html holds %q %d times", old, strings.Count(s, old))
	}
	return strings.Replace(s, old, by, 1)
}

var (
	word      = regexp.MustCompile(`(?m)^  (\w+): '((?:[^'\\]|\\.)*)',$`)
	saidText  = regexp.MustCompile(`data-say="(\w+)"></`)
	saidValue = regexp.MustCompile(`data-say-(aria-label|placeholder|title)="(\w+)"`)
)

// wordsOf are a language's plain words.
func wordsOf(tb testing.TB, lang string) map[string]string {
	tb.Helper()
	source, err := os.ReadFile("js/words/" + lang + ".js")
	if err != nil {
		tb.Fatal(err)
	}
	words := map[string]string{}
	for _, m := range word.FindAllStringSubmatch(string(source), -1) {
		words[m[1]] = m[2]
	}
	return words
}

// say fills words into markup, as say.js does.
func say(tb testing.TB, markup string, words map[string]string) string {
	tb.Helper()
	of := func(name string) string {
		if words[name] == "" {
			tb.Fatalf("there is no plain word %s", name)
		}
		return html.EscapeString(words[name])
	}
	markup = saidText.ReplaceAllStringFunc(markup, func(s string) string {
		name := saidText.FindStringSubmatch(s)[1]
		return `data-say="` + name + `">` + of(name) + "</"
	})
	return saidValue.ReplaceAllStringFunc(markup, func(s string) string {
		m := saidValue.FindStringSubmatch(s)
		return m[1] + `="` + of(m[2]) + `"`
	})
}
