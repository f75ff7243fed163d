package publication

import (
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/entry"
)

// precedence says which kind keeps the plain name where several share it.
var precedence = []entry.Kind{entry.NPX, entry.UVX, entry.Go, entry.Container, entry.Remote, entry.Skill}

// publicNames returns the name of each entry as clients see it: <namespace>/<name>. Clients also look servers up by what follows the slash,
// so that where kinds share a name, all but the first of them end in -<kind>.
func publicNames(namespace string, all []Published) ([]string, error) {
	first := map[string]entry.Kind{}
	for _, p := range all {
		kind, taken := first[p.Entry.Name]
		if !taken || slices.Index(precedence, p.Entry.Kind) < slices.Index(precedence, kind) {
			first[p.Entry.Name] = p.Entry.Kind
		}
	}
	names := make([]string, len(all))
	holder := map[string]string{}
	for k, p := range all {
		names[k] = namespace + "/" + p.Entry.Name
		if first[p.Entry.Name] != p.Entry.Kind {
			names[k] += "-" + string(p.Entry.Kind)
		}
		if other, taken := holder[names[k]]; taken {
			return nil, fmt.Errorf("%s and %s would both be published as %s: rename one of them", other, p.Entry.ID(), names[k])
		}
		holder[names[k]] = p.Entry.ID()
	}
	return names, nil
}
