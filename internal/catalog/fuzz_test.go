package catalog

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzEntry reads any bytes as an entry: nothing may panic, take long, or be accepted without a name.
func FuzzEntry(f *testing.F) {
	for _, seed := range []string{
		npx("server", "server"),
		npx("server", "@scope/server", `env: [{name: "KEY", description: "x", secret: true}]`, `tags: ["a1", "b2"]`),
		npx("server", "server", "x: {", "y: [_, ...]}"),
		"package entry\nschema.#NPX\nname: \"a\\(b)\"\n",
		"package entry\n#A: #A\n[string]: _\nif x {y: 1}\nlet z = 1\n@attr(x)\n",
		"package entry\nname: '''\n\t\\x00\n\t'''\n",
		"package entry\ntags: [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]\n",
		"package entry\na: b: c: -1\na: b: d: +0x1_0\n\"a b\": #\"\\#u{1F600}\"#\n",
		"\xef\xbb\xbfpackage entry\r\n\x00",
		"package entry\nname?: 1\nname!: 2\n(name): 3\n\"\\(name)\": 4\n",
	} {
		f.Add([]byte(seed))
	}
	definitions, err := filepath.Glob("../../schema/*.cue")
	if err != nil {
		f.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range definitions {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			f.Fatal(err)
		}
	}
	var j *judge
	runs := 0
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > maxFileSize {
			return // refused before it is parsed
		}
		start := time.Now()
		if runs++; j == nil || runs%batch == 0 {
			if j, err = newJudge(files); err != nil {
				t.Fatal(err)
			}
		}
		s := parse("entry.cue", "entry", body)
		s.expect("#NPX")
		var item Item
		if len(s.problems) == 0 {
			j.decode(s, &item.Entry)
		}
		for _, p := range s.problems {
			if p.Message == "" || p.Line < 1 {
				t.Errorf("a problem without message or line: %+v", p)
			}
		}
		if len(s.problems) == 0 && (item.Entry.Name == "" || item.Entry.Package == nil) {
			t.Errorf("accepted an entry without name or package: %q", body)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
