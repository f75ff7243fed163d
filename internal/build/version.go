package build

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
)

// Version returns the upstream version that an entry packages, empty for one that packages nothing.
func Version(e entry.Entry) string {
	switch {
	case e.Package != nil:
		return e.Package.Version
	case e.Image != nil:
		return e.Image.Tag
	}
	return e.Version
}

// Tag returns the tag under which the entry is published: its version and, where it was rebuilt, the revision. The plus sign of a semantic
// version is not allowed in a tag and becomes an underscore.
func Tag(e entry.Entry) string {
	tag := strings.ReplaceAll(Version(e), "+", "_")
	if e.Revision > 0 {
		tag = fmt.Sprintf("%s-r%d", tag, e.Revision)
	}
	return tag
}
