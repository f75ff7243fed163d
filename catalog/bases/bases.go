// Package bases holds the bases that come with Slipway, for catalogs that keep none of their own.
package bases

import "embed"

// Files holds each base in the folder of its name.
//
//go:embed */base.cue */lock.json */debian-archive-keyring.asc
var Files embed.FS
