// Package public is the page: the browser's files as they were written, kept
// in the binary so that it needs nothing beside it.
package public

import "embed"

// Files are what a browser may ask for.
//
//go:embed index.html
var Files embed.FS
