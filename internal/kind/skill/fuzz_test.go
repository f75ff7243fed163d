package skill

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func FuzzParseMain(f *testing.F) {
	for _, seed := range []string{
		"", "---\n", "---\n---\n", "---\nname: a\ndescription: b\n---\ntext", "---\r\nname: a\r\n---\r\n", "---\na: &a [1]\nb: *a\n---\n",
		"---\n? [a]\n: b\n---\n", "---\na: 1e400\nb: 0x1F\nc: 2026-01-01\nd: ~\ne: yes\n---\n", "---\n<<: {a: b}\n---\n", "---\nallowed-tools: a(b c), d\n---\n",
		"---\nmetadata: {a: 'b'}\nx: \"\\u2028\"\n---\n", "---\n- [[[[\n---\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		about, errs := parseMain(text)
		if len(errs) > 0 {
			for _, err := range errs {
				if !strings.HasPrefix(err.Error(), MainFile+": ") {
					t.Fatalf("%v does not name the file", err)
				}
			}
			return
		}
		if !bytes.HasPrefix(text, []byte("---")) {
			t.Fatal("no frontmatter, and yet one was read")
		}
		var object map[string]any
		if err := json.Unmarshal(about.json, &object); err != nil {
			t.Fatalf("%v\n%s", err, about.json)
		}
		if name, _ := object["name"].(string); name != about.name {
			t.Fatalf("name is %q here and %q there", about.name, name)
		}
	})
}

func FuzzParseLock(f *testing.F) {
	good := "{\n  \"lockVersion\": 1,\n  \"version\": \"1.0.0\",\n  \"digest\": \"sha256:" + strings.Repeat("0a", 32) + "\",\n  \"files\": []\n}\n"
	for _, seed := range []string{good, "", "{}", "null", strings.Replace(good, "1.0.0", "\\u0031", 1), strings.Replace(good, "[]", "null", 1)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := parseLock(text)
		if err != nil {
			return
		}
		if again, err := l.encode(); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%v\n%s", err, again)
		}
	})
}

func FuzzCheckPath(f *testing.F) {
	for _, seed := range []string{"a", "../a", "a/../b", "/a", "a//b", ".git/x", "a\\b", "con", "a ", "\xff", "SKILL.md", "é/è"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if checkPath(name) != "" {
			return
		}
		for _, part := range strings.Split(name, "/") {
			if part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git") || strings.ContainsAny(part, "\\:\x00\n") {
				t.Fatalf("%q is accepted", name)
			}
		}
	})
}
