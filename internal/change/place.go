package change

import (
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
)

// part is what of a catalog a file belongs to.
type part int

const (
	nothing    part = iota // no entry depends on it
	ownFolder              // the folder of one entry
	baseFolder             // a base, by its name
	everything             // what all entries are judged by or made with
)

// kinds are the folders below catalog/ that hold entries.
var kinds = []entry.Kind{entry.Container, entry.Remote, entry.NPX, entry.UVX, entry.Go}

// aside are packages of the builder that see entries only when they have been released, or not at all. All others count.
var aside = []string{"change", "comment", "github", "programtest", "progress", "publication"}

// place says what a file belongs to, and to which entry or base.
func place(file string) (part, Name) {
	parts := strings.Split(file, "/")
	note := slices.Contains([]string{"README.md", ".gitkeep", ".gitignore", ".gitattributes"}, path.Base(file))
	switch {
	case file == "go.mod", file == "go.sum", file == catalog.SettingsFile:
		return everything, Name{}
	case parts[0] == "skills" && len(parts) > 2: // a note may be part of a skill
		return ownFolder, Name{entry.Skill, parts[1]}
	case note || len(parts) == 1:
		return nothing, Name{}
	}
	switch parts[0] {
	case "schema", "cue.mod":
		return everything, Name{}
	case "internal", "cmd":
		return builder(parts), Name{}
	case "catalog":
		return belowCatalog(parts)
	}
	return nothing, Name{}
}

// builder says whether a file below internal/ or cmd/ can change what becomes of an entry.
func builder(parts []string) part {
	if parts[0] == "cmd" || len(parts) < 3 || slices.Contains(aside, parts[1]) || slices.Contains(parts, "testdata") ||
		strings.HasSuffix(parts[len(parts)-1], "_test.go") {
		return nothing
	}
	return everything
}

func belowCatalog(parts []string) (part, Name) {
	switch {
	case parts[1] == "bases" && len(parts) > 3:
		return baseFolder, Name{Name: parts[2]}
	case parts[1] == "bases", parts[1] == "scanners": // how bases come with the builder; how scanners are run
		return everything, Name{}
	case slices.Contains(kinds, entry.Kind(parts[1])) && len(parts) > 3:
		return ownFolder, Name{entry.Kind(parts[1]), parts[2]}
	}
	return nothing, Name{}
}
