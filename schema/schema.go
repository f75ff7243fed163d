// Package schema holds the CUE definitions of entries, bases and the catalog's settings, embedded so that catalogctl judges a catalog
// that keeps no copy of them.
package schema

import "embed"

// ImportPath is how an entry imports the definitions.
const ImportPath = "github.com/slipway-dev/slipway/schema"

// Files holds every definition, by file name.
//
//go:embed *.cue
var Files embed.FS
