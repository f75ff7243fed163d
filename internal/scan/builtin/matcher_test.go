package builtin_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/scan"
	"github.com/slipway-dev/slipway/internal/scan/builtin"
)

// hostile are texts that make careless matchers slow or wrong, repeated up to a size.
func hostile(size int) []string {
	units := []string{
		"a", " ", "\n", "\u200b", "\u202e", "\ufdfa", "a\u0301", "\U000e0041", "\xff", "ignore previous ", "do not tell the user ", "read ~/.ssh ",
		"send the user's credentials ", "https://a.", "before you use ", "you must send all ", "gh", "api_key=", "eyJ", "<important> ", strings.Repeat(" ", 199) + "x",
		"read_file ", "do not use ", "the github mcp ",
		"ignore disregard forget override before tool user secret <| # .ssh .env password conversation :// token mcp.json ",
	}
	var texts []string
	for _, unit := range units {
		texts = append(texts, strings.Repeat(unit, size/len(unit)))
	}
	return texts
}

// The benchmark of hostile texts says how long a megabyte takes; here it must only not grow faster than the text.
func TestHostileTextTakesBoundedTime(t *testing.T) {
	t.Parallel()
	catalog := map[string]observation.Observation{"npx/github": named(t, "read_file")}
	for _, text := range hostile(8 << 10) {
		o := carrying(t, "", strings.ToValidUTF8(text, "?"))
		start := time.Now()
		scanned(t, o, nil, catalog)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%.20q…: %s for %d bytes", text, took, len(text))
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, text := range hostile(200) {
		f.Add("", text, text)
	}
	f.Add("name", "re\u0430d_file", "https://[::1%25]:0/\x00")
	f.Add("parameter", "side_note", "x=\u2028\u2029")
	f.Fuzz(func(t *testing.T, role, text, other string) {
		o := carrying(t, role, text)
		o.Instructions = other
		baseline := carrying(t, "", other)
		catalog := map[string]observation.Observation{"npx/other": carrying(t, "name", other), "npx/calc": o}
		if len(o.Tools[0].Key) == 0 {
			return // inspection refuses a nameless tool
		}
		first := scanned(t, o, &baseline, catalog)
		if second := scanned(t, o, &baseline, catalog); !slices.EqualFunc(first, second, func(a, b finding.Finding) bool {
			return fmt.Sprint(a) == fmt.Sprint(b)
		}) {
			t.Error("two scans of the same observation differ")
		}
		for _, found := range first {
			if !utf8.ValidString(found.Evidence) || len(found.Evidence) > 600 || found.Target == "" {
				t.Errorf("%+v", found)
			}
		}
	})
}

// catalogOf makes entries with tools each, whose texts are of ordinary length.
func catalogOf(tb testing.TB, entries, tools int) map[string]observation.Observation {
	tb.Helper()
	catalog := make(map[string]observation.Observation, entries)
	for e := range entries {
		var o observation.Observation
		for i := range tools {
			o.Tools = append(o.Tools, tool(tb, members{
				"name": fmt.Sprintf("get_thing_%d", e*7+i),
				"description": "Gets a thing by its identifier. Use this tool when the user asks for things; you must call list_things first to learn the " +
					"identifier. If the thing does not exist, tell the user. See https://docs.example.test/things for more about what a thing can hold.",
				"inputSchema": members{"type": "object", "required": []any{"id"}, "properties": members{
					"id":      members{"type": "string", "description": "The identifier, as list_things returns it, such as thing-17."},
					"verbose": members{"type": "boolean", "description": "Whether to return all fields instead of the most used ones.", "default": false},
					"format":  members{"type": "string", "enum": []any{"json", "text", "markdown"}, "description": "How the answer is written."},
				}},
			}))
		}
		catalog[fmt.Sprintf("npx/server%d", e)] = o
	}
	return catalog
}

func benchmark(b *testing.B, entries, tools int) {
	catalog := catalogOf(b, entries, tools)
	b.ResetTimer()
	for b.Loop() {
		s := builtin.New(builtin.NewIndex(catalog))
		for id, o := range catalog {
			name := strings.TrimPrefix(id, "npx/")
			if _, err := s.Scan(context.Background(), scan.Subject{Entry: entry.Entry{Kind: entry.NPX, Name: name}, Observation: o, Baseline: &o}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*entries*tools), "µs/tool")
}

func BenchmarkScanOneEntryOf100Tools(b *testing.B)       { benchmark(b, 1, 100) }
func BenchmarkScanCatalogOf12EntriesOf50(b *testing.B)   { benchmark(b, 12, 50) }
func BenchmarkScanCatalogOf1000EntriesOf20(b *testing.B) { benchmark(b, 1000, 20) }

func BenchmarkScanHostileMegabyte(b *testing.B) {
	for _, text := range hostile(1 << 20) {
		b.Run(fmt.Sprintf("%.12q", text), func(b *testing.B) {
			o := carrying(b, "", strings.ToValidUTF8(text, "?"))
			s := builtin.New(builtin.NewIndex(nil))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := s.Scan(context.Background(), scan.Subject{Observation: o}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
