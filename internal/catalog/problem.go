package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong in a file of the catalog.
type Problem struct { //nolint:errname // what it is in the first place
	File    string `json:"file"`             // relative to the catalog's root, with slashes
	Line    int    `json:"line,omitempty"`   // from 1; 0 where the file as a whole is meant
	Column  int    `json:"column,omitempty"` // from 1, in bytes
	Field   string `json:"field,omitempty"`  // such as overrides[0].reason
	Message string `json:"message"`          // what was found, and what to do
}

func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, max(p.Column, 1))
	}
	b.WriteString(": ")
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is everything that is wrong in a catalog, sorted by file and line.
type Problems []*Problem //nolint:errname // as Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As and errors.Is each problem.
func (p Problems) Unwrap() []error {
	all := make([]error, len(p))
	for i, problem := range p {
		all[i] = problem
	}
	return all
}

// sorted orders problems as a reader goes through the files, and drops repetitions.
func (p Problems) sorted() Problems {
	slices.SortFunc(p, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Field, b.Field), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(p, func(a, b *Problem) bool { return *a == *b })
}
