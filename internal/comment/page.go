package comment

import (
	"fmt"
	"strings"
)

// page collects lines until no more fit.
type page struct {
	size   int // in bytes, at most
	out    strings.Builder
	folded bool
	left   int // lines that did not fit
}

// ending closes what is folded.
const ending = "\n</details>\n"

// room is kept for the last lines.
const room = len(ending) + 200

// line writes one line, or leaves it out and all that follow it.
func (p *page) line(text string) {
	if p.left > 0 || p.out.Len()+len(text)+1 > p.size-room {
		p.left++
		return
	}
	p.out.WriteString(text)
	p.out.WriteByte('\n')
}

// fold begins a part that is shown on demand. Markdown begins after an empty line.
func (p *page) fold(text string) {
	p.line("\n" + text + "\n")
	p.folded = p.left == 0
}

func (p *page) unfold() {
	if p.folded {
		p.out.WriteString(ending)
	}
	p.folded = false
}

// end returns the page.
func (p *page) end() string {
	if p.left > 0 {
		fmt.Fprintf(&p.out, "\n**This is not all**: %d more lines do not fit. The summary and the reports of the run hold more.\n", p.left)
	}
	return p.out.String()
}
