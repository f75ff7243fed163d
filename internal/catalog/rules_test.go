package catalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRulesAcrossEntries(t *testing.T) {
	t.Parallel()
	const because = `, reason: "another thing altogether"}]`
	go1 := func(name, pkg string) string {
		return strings.NewReplacer("#NPX", "#Go", "1.2.3", "v1.2.3").Replace(npx(name, pkg))
	}
	for name, test := range map[string]struct {
		entries map[string]string
		want    []string
	}{
		"one edit": {
			map[string]string{"context7": npx("context7", "alpha"), "contxet7": npx("contxet7", "omega")},
			[]string{`catalog/npx/contxet7/entry.cue:7:1: name: "contxet7" is one character away from "context7", the name of npx/context7`},
		},
		"one edit, explained by the later": {
			map[string]string{"context7": npx("context7", "alpha"), "context8": npx("context8", "omega", `distinctFrom: [{name: "context7"`+because)}, nil,
		},
		"one edit, explained by the earlier": {
			map[string]string{"context7": npx("context7", "alpha", `distinctFrom: [{name: "context8"`+because), "context8": npx("context8", "omega")}, nil,
		},
		"homoglyph": {
			map[string]string{"modern": npx("modern", "alpha"), "rnodem": npx("rnodem", "omega")},
			[]string{`"rnodem" can be taken for "modern"`},
		},
		"far apart": {map[string]string{"memory": npx("memory", "alpha"), "filesystem": npx("filesystem", "omega")}, nil},
		"explains nothing": {
			map[string]string{"server": npx("server", "alpha", `distinctFrom: [{name: "absent"`+because)},
			[]string{`catalog/npx/server/entry.cue:15:17: distinctFrom[0].name: names "absent", which is no entry`},
		},
		"explains itself": {
			map[string]string{"server": npx("server", "alpha", `distinctFrom: [{name: "server"`+because)},
			[]string{`distinctFrom[0].name: names the entry itself`},
		},
		"same package": {
			map[string]string{"first": npx("first", "server"), "second": npx("second", "server")},
			[]string{`catalog/npx/second/entry.cue:12:2: package.name: is "server", which npx/first offers already`},
		},
		"scope like another": {
			map[string]string{"first": npx("first", "@upstash/context7"), "second": npx("second", "@upstahs/search")},
			[]string{`package.name: belongs to "@upstahs", which is one character away from "@upstash", the owner of npx/first`},
		},
		"scope like another, explained": {
			map[string]string{
				"first":  npx("first", "@upstash/context7"),
				"second": npx("second", "@upstahs/search", `distinctFrom: [{name: "first"`+because),
				"third":  npx("third", "@upstahs/other"),
			}, nil,
		},
		"siblings of one scope": {
			map[string]string{"first": npx("first", "@scope/server-a"), "second": npx("second", "@scope/server-b")}, nil,
		},
		"package like another": {
			map[string]string{"first": npx("first", "mcp-searxng"), "second": npx("second", "mcp-searxing")},
			[]string{`"mcp-searxing" is one character away from "mcp-searxng" of npx/first`},
		},
		"package that drops the scope": {
			map[string]string{"first": npx("first", "@playwright/mcp"), "second": npx("second", "playwright-mcp")},
			[]string{`"playwright-mcp" can be taken for "@playwright/mcp" of npx/first`},
		},
		"account like another": {
			map[string]string{"go:first": go1("first", "example.com/mark3labs/a"), "go:second": go1("second", "example.com/mark3Iabs/b")},
			[]string{`belongs to "example.com/mark3Iabs", which`},
		},
		"variable twice": {
			map[string]string{"server": npx("server", "alpha", `env: [{name: "KEY", description: "a"}, {name: "KEY", description: "b"}]`)},
			[]string{`catalog/npx/server/entry.cue:15:41: env[1].name: is "KEY", as in another element`},
		},
		"override twice": {
			map[string]string{"server": npx("server", "alpha", `overrides: [{package: "zod", version: "1.0.0", reason: "a"}, {package: "zod", version: "2.0.0", reason: "b"}]`)},
			[]string{`overrides[1].package: is "zod", as in another element`},
		},
		"successor": {
			map[string]string{"server": npx("server", "alpha", `status: "deprecated"`, `statusReason: "old"`, `successor: "absent"`)},
			[]string{`successor: names "absent", which is no other entry`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := map[string]string{}
			for at, text := range test.entries {
				kind, short, found := strings.Cut(at, ":")
				if !found {
					kind, short = "npx", at
				}
				content["catalog/"+kind+"/"+short+"/entry.cue"] = text
			}
			got := problems(t, files(t, content), Options{})
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			for i := range got {
				if !strings.Contains(got[i], test.want[i]) {
					t.Errorf("got  %s\nwant %s", got[i], test.want[i])
				}
			}
		})
	}
}

func TestOneEdit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"abc", "abc", false},
		{"abc", "ab", true},
		{"abc", "bc", true},
		{"abc", "xabc", true},
		{"abc", "axc", true},
		{"abc", "bac", true},
		{"abc", "acb", true},
		{"abc", "cba", false},
		{"abc", "abcde", false},
		{"abcd", "badc", false},
		{"", "a", true},
		{"aab", "ab", true},
	} {
		if got := oneEdit(test.a, test.b); got != test.want {
			t.Errorf("oneEdit(%q, %q) = %v", test.a, test.b, got)
		}
		if got := oneEdit(test.b, test.a); got != test.want {
			t.Errorf("oneEdit(%q, %q) = %v", test.b, test.a, got)
		}
	}
}

// TestLikenessMissesNothing compares the index with looking at every pair.
func TestLikenessMissesNothing(t *testing.T) {
	t.Parallel()
	var names []string
	for a := range 4 {
		for b := range 4 {
			for c := range 4 {
				names = append(names, fmt.Sprintf("%c%c%c", 'p'+a, 'p'+b, 'p'+c), fmt.Sprintf("%c%c", 'p'+a, 'p'+b))
			}
		}
	}
	index := newLikeness()
	var before []string
	for _, name := range names {
		want, got := map[string]bool{}, map[string]bool{}
		for _, other := range before {
			if oneEdit(other, name) {
				want[other] = true
			}
		}
		known := index.known[name]
		for _, a := range index.add(name) {
			got[a.name] = true
		}
		if !known {
			before = append(before, name)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s: %s", name, diff)
			}
		}
	}
}
