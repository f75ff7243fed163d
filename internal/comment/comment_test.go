package comment_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/slipway-dev/slipway/internal/change"
	"github.com/slipway-dev/slipway/internal/comment"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/gate"
	"github.com/slipway-dev/slipway/internal/observation"
)

// size is what a page may have.
const size = 65536

// report is a report in which every text that others can write is text.
func report(text string) comment.Report {
	found := func(fingerprint string, severity finding.Severity) finding.Finding {
		return finding.Finding{
			Scanner: text, Rule: text, Severity: severity, Target: text, Message: text, Help: text, Evidence: text,
			Location: finding.Location{File: text}, Fingerprint: fingerprint,
		}
	}
	waiver := entry.Waiver{Owner: text, Expires: text, Reason: text, Rule: text}
	return comment.Report{
		Base: "0123abcd", Problems: []string{text},
		Removed: []change.Name{{Kind: entry.NPX, Name: "old"}},
		Renamed: []change.Renamed{{From: change.Name{Kind: entry.NPX, Name: "a"}, To: change.Name{Kind: entry.NPX, Name: "b"}}},
		Entries: []comment.Entry{
			{
				ID: "npx/fetch",
				Verdict: gate.Verdict{Problems: []string{text}, Notices: []string{text}, Dispositions: []gate.Disposition{
					{Finding: found("1", finding.Low), State: gate.Informational},
					{Finding: found("2", finding.High), State: gate.Waived, Waiver: &waiver},
					{Finding: found("3", finding.Critical), State: gate.Blocking},
					{Finding: found("4", finding.Medium), State: gate.Warning},
				}},
				Fresh: map[string]bool{"4": true}, Digest: text, Tools: 2,
				Platforms: []comment.Platform{{Name: text, Digest: text, Size: 62_000_000, Before: 61_000_000}},
				Diff: []comment.Difference{
					{Status: comment.Added, What: "tool", Name: text},
					{Status: comment.Changed, What: "tool", Name: text, Fields: []string{text, text}},
				},
			},
			{ID: "npx/lost", Missing: text},
			{ID: "npx/good", Verdict: gate.Verdict{Pass: true}},
		},
	}
}

var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))

var (
	codeElement = regexp.MustCompile(`(?s)<code>.*?</code>`)
	element     = regexp.MustCompile(`</?([a-z0-9]+)[^>]*>`)
)

// skeleton renders Markdown as GitHub does, and leaves out what stands in code spans.
func skeleton(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := markdown.Convert([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return codeElement.ReplaceAllString(out.String(), "<code/>")
}

var hostile = []string{
	" ", "`", "``", "` `", "a`b``c", "```\n# title\n```", "@octocat #1 GH-1 see https://evil.example www.evil.example a@b.example",
	"[click](https://evil.example) ![](https://evil.example/p.png)", "<img src=x onerror=alert(1)></details></summary><h1>", "| a | b |\n|---|---|",
	"\n\n# Passed\n\n- [x] approved\n", "\\`", "`\\", "a|b\\|c", "\u202egnp.exe\u2066", "<!--", "-->", "<![CDATA[", "&lt;b&gt; &#64;", "\x00\xff\r\n\t",
	"~~a~~ **b** __c__", "[^1]: note", "$$x$$", ":tada:", strings.Repeat("`", 5000), strings.Repeat("a", 5000), strings.Repeat("|", 400), " lead", "trail ",
}

func FuzzNothingOfOthersIsMarkdown(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	want := skeleton(f, comment.Markdown(report("harmless"), size))
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			return // what is empty is not there at all
		}
		page := comment.Markdown(report(text), size)
		if len(page) > size {
			t.Fatalf("%d bytes", len(page))
		}
		got := skeleton(t, page)
		if got != want {
			t.Errorf("%q changes what the page is made of:\n%s\nwant\n%s\nin\n%s", text, got, want, page)
		}
	})
}

func TestPageConsistsOfHarmlessElements(t *testing.T) {
	t.Parallel()
	allowed := " h2 p table thead tbody tr th td code strong ul li details summary b "
	for _, m := range element.FindAllStringSubmatch(skeleton(t, comment.Markdown(report("x"), size)), -1) {
		if !strings.Contains(allowed, " "+m[1]+" ") {
			t.Errorf("an element %s", m[0])
		}
	}
}

// TestOrder wants what a reviewer must act on first: entries that failed, and of an entry what is new.
func TestOrder(t *testing.T) {
	t.Parallel()
	page := comment.Markdown(report("x"), size)
	rest := page
	for _, next := range []string{
		"**Failed**: 2 of 3 affected entries may not be released.",
		"Removed: `npx/old`", "Renamed: `npx/a` to `npx/b`",
		"| `npx/fetch` | **fail** | 1 | 2 | 1 | 1 | 1 added, 1 changed |",
		"| `npx/lost` | **not judged** |", "| `npx/good` | pass | 0 | 0 | 0 | 0 | unchanged |",
		"<details open><summary><b>npx/fetch</b> did not pass</summary>",
		"- **blocking** `x`", "- **new**, warning: medium", "- **blocking**: critical", "fingerprint for a waiver: `3`",
		"- waived: high", "waived by `x` until `x`: `x`", "- informational: low",
		"- added tool `x`", "- changed tool `x`: `x`, `x`", "62.0 MB compressed (+1.0 MB)",
		"<details><summary><b>npx/good</b> passed</summary>",
	} {
		_, after, found := strings.Cut(rest, next)
		if !found {
			t.Fatalf("no %q where it belongs in\n%s", next, page)
		}
		rest = after
	}
	if again := comment.Markdown(report("x"), size); again != page {
		t.Error("the same report gives another page")
	}
}

func TestTooMuchIsCutAndSaid(t *testing.T) {
	t.Parallel()
	var r comment.Report
	for i := range 400 {
		e := report(strings.Repeat("é", 200)).Entries[0]
		e.ID = fmt.Sprintf("npx/e%03d", i)
		r.Entries = append(r.Entries, e)
	}
	page := comment.Markdown(r, size)
	if len(page) > size || len(page) < size-3000 {
		t.Errorf("%d bytes", len(page))
	}
	if !strings.Contains(page, "**This is not all**") || strings.Count(page, "<details") != strings.Count(page, "</details>") {
		t.Errorf("the page ends with %q", page[len(page)-300:])
	}
	if len(skeleton(t, page)) < 1000 || !strings.Contains(page, "npx/e399") {
		t.Error("the table does not name every entry")
	}
}

func TestNothingAffected(t *testing.T) {
	t.Parallel()
	failed := comment.Report{Problems: []string{"the check Catalog: failure"}}
	if page := comment.Markdown(failed, size); page != "## Slipway\n\n**Failed**: `the check Catalog: failure`\n\n" {
		t.Errorf("%q", page)
	}
	if page := comment.Markdown(comment.Report{}, size); page != "## Slipway\n\nNo entry is affected.\n" {
		t.Errorf("%q", page)
	}
}

func observed(t *testing.T, text string) observation.Observation {
	t.Helper()
	var o observation.Observation
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestCompare(t *testing.T) {
	t.Parallel()
	before := observed(t, `{"server": {"name": "s", "version": "1"}, "protocolVersions": ["2025-06-18"], "instructions": "a", "tools": [
		{"name": "gone"}, {"name": "same", "n": 1.0}, {"name": "other", "description": "a", "title": "t", "inputSchema": {"properties": {"url": {"type": "string"}, "x": {}}}}]}`)
	after := observed(t, `{"server": {"name": "s", "version": "1"}, "protocolVersions": ["2025-06-18"], "instructions": "b", "tools": [
		{"name": "fresh"}, {"n": 1.0, "name": "same"}, {"name": "other", "description": "b", "annotations": {}, "inputSchema": {"properties": {"url": {"type": "number"}, "x": {}}}}],
		"resources": [{"uri": "file:///a", "name": "a"}]}`)
	var got []string
	for _, d := range comment.Compare(&before, after) {
		got = append(got, fmt.Sprintf("%s %s %s %s", d.Status, d.What, d.Name, strings.Join(d.Fields, ",")))
	}
	want := []string{
		"added tool fresh ", "removed tool gone ",
		"changed tool other annotations (new),description,inputSchema.properties.url.type,title (gone)",
		"added resource file:///a ", "changed instructions  ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if same := comment.Compare(&after, after); len(same) != 0 {
		t.Errorf("what is the same differs: %+v", same)
	}
	if all := comment.Compare(nil, after); len(all) != 4 {
		t.Errorf("of a new entry: %+v", all)
	}
}
