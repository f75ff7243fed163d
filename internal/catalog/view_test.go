package catalog

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/entry"
)

// TestViewOfWhatIsPinned asks which entries a view holds that promises pins.
func TestViewOfWhatIsPinned(t *testing.T) {
	t.Parallel()
	pinned, any := View{Pinned: true}, View{}
	for name, c := range map[string]struct {
		entry entry.Entry
		want  bool
	}{
		"package":              {entry.Entry{Kind: entry.NPX, Package: &entry.Package{Name: "a", Version: "1.0.0"}}, true},
		"skill":                {entry.Entry{Kind: entry.Skill}, true},
		"image with digest":    {entry.Entry{Kind: entry.Container, Image: &entry.Image{Digest: "sha256:00"}}, true},
		"image without digest": {entry.Entry{Kind: entry.Container, Image: &entry.Image{Tag: "1.0.0"}}, false},
		"remote":               {entry.Entry{Kind: entry.Remote, Remote: &entry.Server{URL: "https://example.com"}}, false},
	} {
		if got := pinned.Holds(c.entry); got != c.want {
			t.Errorf("%s: the view holds it: %v, want %v", name, got, c.want)
		}
		if !any.Holds(c.entry) {
			t.Errorf("%s: a view without the condition does not hold it", name)
		}
	}
}
