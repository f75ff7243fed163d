package engine

import (
	"fmt"
	"slices"
	"testing"
)

// An engine that is lost moves its own entries and no others; one that comes takes its share of all.
func TestHomeMovesOnlyWhatItMust(t *testing.T) {
	t.Parallel()
	const entries = 3000
	urls := []string{"tcp://a:1234", "tcp://b:1234", "tcp://c:1234"}
	less := urls[:2]
	count := map[string]int{}
	for i := range entries {
		id := fmt.Sprintf("npx/entry-%d", i)
		before := home(id, urls)
		count[before]++
		if turned := slices.Clone(urls); home(id, turned) != before {
			t.Fatalf("%s has two homes", id)
		} else if slices.Reverse(turned); home(id, turned) != before {
			t.Fatalf("the home of %s depends on the order", id)
		}
		if after := home(id, less); before != urls[2] && after != before {
			t.Errorf("%s moved from %s to %s though %s was lost", id, before, after, urls[2])
		}
	}
	for _, url := range urls {
		if n := count[url]; n < entries/3*8/10 || n > entries/3*12/10 {
			t.Errorf("%s has %d of %d entries", url, n, entries)
		}
	}
}

func TestMessageIsWhatCatalogctlSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ stdout, stderr, want string }{
		{"npx/a: no lock\n", "FAILED npx/a build\n", "npx/a: no lock"},
		{"", "ok npx/a build\ncatalogctl: no such catalog\n", "no such catalog"},
		{"", "", ""},
	} {
		if got := message(c.stdout, c.stderr); got != c.want {
			t.Errorf("%q and %q say %q, want %q", c.stdout, c.stderr, got, c.want)
		}
	}
}
