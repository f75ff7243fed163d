package comment

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/gate"
)

// entry is all that is known of one entry, folded up if there is nothing to do about it.
func (p *page) entry(e Entry) {
	if e.Missing == "" && e.Verdict.Pass {
		p.fold("<details><summary>" + heading(e) + "</summary>")
	} else {
		p.fold("<details open><summary>" + heading(e) + "</summary>")
	}
	defer p.unfold()
	if e.Missing != "" {
		p.line("- " + code(e.Missing))
		return
	}
	for _, problem := range e.Verdict.Problems {
		p.line("- **blocking** " + code(problem))
	}
	for _, fresh := range []bool{true, false} {
		for _, state := range []gate.State{gate.Blocking, gate.Warning, gate.Waived, gate.Informational} {
			for _, d := range e.Verdict.Dispositions {
				if d.State == state && e.Fresh[d.Finding.Fingerprint] == fresh {
					p.finding(d, fresh)
				}
			}
		}
	}
	for _, notice := range e.Verdict.Notices {
		p.line("- note " + code(notice))
	}
	p.differences(e)
	p.images(e)
}

// heading stands inside of HTML, where Markdown is not read: so it holds nothing but the entry's name, which is checked, and our words.
func heading(e Entry) string {
	state := "passed"
	switch {
	case e.Missing != "":
		state = "was not judged"
	case !e.Verdict.Pass:
		state = "did not pass"
	}
	return "<b>" + plain(e.ID) + "</b> " + state
}

// finding is one finding and what the gate made of it.
func (p *page) finding(d gate.Disposition, fresh bool) {
	f := d.Finding
	mark := string(d.State)
	if d.State == gate.Blocking {
		mark = "**blocking**"
	}
	if fresh {
		mark = "**new**, " + mark
	}
	p.line(fmt.Sprintf("- %s: %s %s in %s: %s", mark, f.Severity, code(f.Rule), code(f.Target), code(f.Message)))
	if f.Evidence != "" {
		p.line("  - found: " + code(f.Evidence))
	}
	if f.Help != "" && (d.State == gate.Blocking || d.State == gate.Warning) {
		p.line("  - what to do: " + code(f.Help))
	}
	switch {
	case d.Waiver != nil:
		p.line(fmt.Sprintf("  - waived by %s until %s: %s", code(d.Waiver.Owner), code(d.Waiver.Expires), code(d.Waiver.Reason)))
	case d.State == gate.Blocking:
		p.line("  - fingerprint for a waiver: " + code(f.Fingerprint))
	}
}

// differences are the definitions that are not what they were.
func (p *page) differences(e Entry) {
	if len(e.Diff) == 0 {
		p.line("- What the server says of itself is unchanged.")
		return
	}
	for _, d := range e.Diff {
		text := fmt.Sprintf("- %s %s", d.Status, d.What)
		if d.Name != "" {
			text += " " + code(d.Name)
		}
		if len(d.Fields) > 0 {
			fields := make([]string, len(d.Fields))
			for i, field := range d.Fields {
				fields[i] = code(field)
			}
			text += ": " + strings.Join(fields, ", ")
		}
		p.line(text)
	}
}

// images are the digests and sizes of what was built.
func (p *page) images(e Entry) {
	if e.Digest != "" {
		p.line("- index " + code(e.Digest))
	}
	for _, i := range e.Platforms {
		text := fmt.Sprintf("- %s %s, %.1f MB compressed", code(i.Name), code(i.Digest), float64(i.Size)/1e6)
		if i.Before > 0 && i.Before != i.Size {
			text += fmt.Sprintf(" (%+.1f MB)", float64(i.Size-i.Before)/1e6)
		}
		p.line(text)
	}
}
