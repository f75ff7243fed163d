package builtin

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/scan"
)

// fileChecks are the rules for documents: those of prose, without what only a tool's description pays for.
var fileChecks = []func(text, adder){checkUnicode, checkScript, checkPhrases, checkSecrets, checkURLs, checkPadding}

// checkFiles applies the rules to every document.
func checkFiles(ctx context.Context, subject scan.Subject, add adder) error {
	for _, d := range subject.Documents {
		if len(d.Text) > MaxText {
			return fmt.Errorf("the document %s has %d bytes; at most %d can be scanned", d.Path, len(d.Text), MaxText)
		}
		at := place{file: d.Path, target: "document/" + scan.Printable(d.Path, 200), line: 1}
		if subject.Folder != "" {
			at.file = path.Join(subject.Folder, d.Path)
		}
		// Editors of some systems begin a file with a mark that only says it is UTF-8.
		if err := checkFile(ctx, at, strings.TrimPrefix(string(d.Text), "\ufeff"), add); err != nil {
			return err
		}
	}
	return nil
}

// checkFile looks at each paragraph, so that a finding has its line, and then at the whole, for what is spread over several.
func checkFile(ctx context.Context, at place, content string, add adder) error {
	found := map[string]bool{}
	for _, p := range paragraphs(at, content) {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, check := range fileChecks {
			check(p, func(_ place, f finding.Finding) {
				found[f.Rule] = true
				add(locate(p, check, f), f)
			})
		}
	}
	whole := text{place: at, value: content, clean: plain(content)}
	for _, check := range fileChecks {
		check(whole, func(_ place, f finding.Finding) {
			if !found[f.Rule] {
				add(at, f)
			}
		})
	}
	return ctx.Err()
}

// paragraphs splits a document at its empty lines.
func paragraphs(at place, content string) []text {
	var all []text
	var lines []string
	flush := func(end int) {
		if len(lines) > 0 {
			value := strings.Join(lines, "\n")
			p := text{place: at, value: value, clean: plain(value)}
			p.line = end - len(lines)
			all, lines = append(all, p), nil
		}
	}
	number := 1
	for line := range strings.SplitSeq(content, "\n") {
		if strings.TrimSpace(line) == "" {
			flush(number)
		} else {
			lines = append(lines, line)
		}
		number++
	}
	flush(number)
	return all
}

// locate returns the line of a paragraph that has the finding by itself, or where the paragraph begins.
func locate(p text, check func(text, adder), want finding.Finding) place {
	at := p.place
	for line := range strings.SplitSeq(p.value, "\n") {
		hit := false
		check(text{place: at, value: line, clean: plain(line)}, func(_ place, f finding.Finding) {
			hit = hit || f.Rule == want.Rule && f.Severity == want.Severity
		})
		if hit {
			return at
		}
		at.line++
	}
	return p.place
}
