package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Two people build one entry, each in a folder, with a cache, a time zone and a umask of their own.
func TestBuildsAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	digest := func(zone, umask string) string {
		u := newRealUser(t, t.TempDir())
		elsewhere := filepath.Join(t.TempDir(), "another", "place")
		check(t, os.MkdirAll(filepath.Dir(elsewhere), 0o755))
		check(t, os.Rename(u.dir, elsewhere))
		u.dir = elsewhere
		u.environ = append(u.environ, "TZ="+zone, "LANG=de_DE.UTF-8")
		cmd := u.command()
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", "umask " + umask + " && exec \"$0\" build --quiet --json time", u.binary}
		out, err := cmd.Output()
		check(t, err)
		var built struct{ Digest string }
		check(t, json.Unmarshal(out, &built))
		u.tidy()
		return built.Digest
	}
	first, second := digest("Pacific/Kiritimati", "000"), digest("America/Los_Angeles", "077")
	if first != second || len(first) != len("sha256:")+64 {
		t.Errorf("%s in one place, %s in another", first, second)
	}
}
