package git

import (
	"encoding/hex"
	"strings"
	"testing"
)

func FuzzParseTree(f *testing.F) {
	hash := strings.Repeat("\x0a", 20)
	for _, seed := range []string{
		"", "100644 a\x00" + hash, "40000 a\x00" + hash + "100755 b\x00" + hash, "100644 \x00" + hash, "100644 ..\x00" + hash, "40000 .git\x00" + hash,
		"100644 a\x00" + hash[:19], "100644a\x00" + hash, "100644 a\x00" + hash + "100644 a\x00" + hash, "160000 a\x00" + hash, "100644 a/b\x00" + hash,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		elements, err := parseTree(raw)
		if err != nil {
			return
		}
		var again strings.Builder
		for _, e := range elements {
			if e.name == "" || e.name == "." || e.name == ".." || strings.ContainsAny(e.name, "/\\") || strings.EqualFold(e.name, ".git") {
				t.Fatalf("%q is taken for a name", e.name)
			}
			again.WriteString(string(e.mode) + " " + e.name + "\x00" + string(raw20(t, e.hash)))
		}
		if again.String() != string(raw) {
			t.Fatalf("%q was read as %q", raw, again.String())
		}
	})
}

func raw20(t *testing.T, digits string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != 20 {
		t.Fatalf("%q is no hash", digits)
	}
	return raw
}
