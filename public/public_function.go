//go:build function

package public

import "embed"

// Files is the page alone: a function is in front of nothing else of this
// folder, which a bucket serves.
//
//go:embed index.html
var Files embed.FS
