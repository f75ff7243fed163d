package flow

import (
	"path"
	"strings"

	"github.com/slipway-dev/slipway/internal/catalog"
)

// Valid returns what is wrong with an item, or with the settings that all share, as catalog.Problems. Problems of other entries do not
// concern it.
func (l *Line) Valid(item catalog.Item) error {
	found := l.problems(func(file string) bool {
		return file == catalog.SettingsFile || file == item.Dir || strings.HasPrefix(file, item.Dir+"/")
	})
	if len(found) == 0 {
		return nil
	}
	return found
}

// ProblemsOf returns the problems in folders called name, or kind/name, whether or not an entry could be read there.
func (l *Line) ProblemsOf(name string) catalog.Problems {
	return l.problems(func(file string) bool {
		dir := path.Dir(file)
		return dir == name || strings.HasSuffix(dir, "/"+name)
	})
}

func (l *Line) problems(in func(file string) bool) catalog.Problems {
	var found catalog.Problems
	for _, p := range l.Problems {
		if in(p.File) {
			found = append(found, p)
		}
	}
	return found
}
