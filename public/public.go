// Package public holds the page. page.html has the markup of both views as
// templates, css/ has the look, js/ what it does. Begin to read at js/main.js.
// openapi.json describes the routes to programs; a test of package web holds it
// to them.
//
// `make page` builds from these what a browser receives: index.html, sw.js and
// app/, and room.*.json, the markup in which the server fills in a room's
// lines. A room then loads three files instead of eighty. The name of each file
// in app/ holds a hash of what is in it, so that a page never meets a file of
// another release. The sources are served beside them, because the source maps
// point there.
//
// Decision: what is made is committed, and a test holds it to its sources. The
// server, the functions and the bucket serve the same bytes, and none of them
// needs a compiler; made at the start it would be in each binary.
package public

import "embed"

// Files are what a browser may ask for, and nothing else of this folder.
//
//go:embed index.html room.en.json room.zh.json manifest.webmanifest openapi.json robots.txt sw.js app css icons
//go:embed js/*.js js/link/*.js js/rights/*.js js/room/*.js js/words/*.js
var Files embed.FS

// Page is the page's markup alone, for a function: a bucket serves everything
// else of this folder.
//
//go:embed index.html room.en.json room.zh.json
var Page embed.FS
