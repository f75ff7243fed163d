package builtin

import (
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/observation"
)

// Index knows the tools of a whole catalog by name, so that each entry is compared with all others in time that depends on its own size
// alone. It does not change once made, and may be shared.
type Index struct {
	names     map[string][]owned  // by conventional name
	skeletons map[string][]owned  // by skeleton
	servers   map[string][]string // identifiers by the last part of the identifier
}

// owned is a tool of an entry.
type owned struct {
	entry, tool string
}

// NewIndex indexes observations by the identifier of their entry, such as "npx/fetch". Prompts and resources are not compared: clients show
// them under their server.
func NewIndex(observations map[string]observation.Observation) *Index {
	x := &Index{names: make(map[string][]owned), skeletons: make(map[string][]owned), servers: make(map[string][]string)}
	for _, id := range slices.Sorted(maps.Keys(observations)) {
		server := serverOf(id)
		x.servers[server] = append(x.servers[server], id)
		for _, tool := range observations[id].Tools {
			if tool.Key == "" {
				continue
			}
			o := owned{entry: id, tool: tool.Key}
			plain, skeleton := conventional(strings.ToLower(tool.Key)), skeletonOf(tool.Key)
			x.names[plain] = append(x.names[plain], o)
			x.skeletons[skeleton] = append(x.skeletons[skeleton], o)
		}
	}
	return x
}

// serverOf returns how people call an entry: its name without the kind.
func serverOf(id string) string { return strings.ToLower(id[strings.LastIndexByte(id, '/')+1:]) }

// lookalikes are ASCII characters and pairs that pass for another at a glance.
var lookalikes = strings.NewReplacer("0", "o", "1", "l", "5", "s", "rn", "m", "vv", "w")

// skeletonOf returns what a name looks like at a glance, whatever convention it follows. See Unicode Technical Standard 39, section 4.
func skeletonOf(name string) string { return lookalikes.Replace(conventional(fold(name))) }

var separators = strings.NewReplacer("_", "", "-", "", ".", "", " ", "", "/", "", "\n", "")

// conventional strips what naming conventions put between words, so that read_file, read-file and readfile are one name.
func conventional(folded string) string { return separators.Replace(folded) }
