package web

import (
	"fmt"
	"html"
	"net/http"
)

// What a problem is called on a page for people.
var headings = map[int]string{
	http.StatusUnauthorized:        "Say your name first",
	http.StatusForbidden:           "You cannot go in there",
	http.StatusNotFound:            "There is nothing here",
	http.StatusTooManyRequests:     "Too much at once",
	http.StatusInternalServerError: "Something broke on our side",
	http.StatusServiceUnavailable:  "The rooms are out of reach",
}

// pageOf is a problem for a person who navigates with a browser: in words, in
// the look of the page, with a way back.
func pageOf(p problem) []byte {
	heading := headings[p.Status]
	if heading == "" {
		heading = p.Title
	}
	return fmt.Appendf(nil, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>%s</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/css/base.css">
<link rel="icon" href="/icons/icon.svg" type="image/svg+xml">
</head>
<body>
<main class="login problem">
<p class="problem__mark mark" aria-hidden="true">§</p>
<h1 class="login__title">%[1]s</h1>
<p class="login__lead">%s</p>
<p><a class="button" href="/">Back to the rooms</a></p>
</main>
</body>
</html>
`, html.EscapeString(heading), html.EscapeString(p.Detail))
}
