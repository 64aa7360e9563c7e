// Package public holds the browser's files as they are written: there is no
// build step between an editor and a screen.
//
// index.html holds the markup of both pages as templates, css/ the look, and
// js/main.js is where reading begins. openapi.json describes the routes to
// programs; a test of package web holds it to them.
package public

import "embed"

// Files are what a browser may ask for, and nothing else of this folder.
//
//go:embed index.html manifest.webmanifest openapi.json robots.txt sw.js css icons
//go:embed js/*.js js/link/*.js js/room/*.js js/words/*.js
var Files embed.FS

// Page is the page's markup alone: a function is in front of nothing else of
// this folder, which a bucket serves.
//
//go:embed index.html
var Page embed.FS
