package base

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of one stanza; real ones have some kilobytes, a Release file some hundred.
const (
	maxStanza = 4 << 20
	maxFields = 200
)

// stanzas reads a control file (deb822(5)) one paragraph at a time.
type stanzas struct{ lines *bufio.Scanner }

func newStanzas(r io.Reader) *stanzas {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxStanza)
	return &stanzas{lines}
}

// next returns the fields of the next paragraph, or io.EOF after the last one. Names are in the case of Field-Name; the lines of a folded
// value are joined by newlines, without the space that they begin with. Comment lines are left out.
func (s *stanzas) next() (map[string]string, error) {
	var fields map[string]string
	var last string
	var value strings.Builder // of the last field, which may have many lines
	size := 0
	finish := func() map[string]string {
		if last != "" {
			fields[last] = value.String()
		}
		return fields
	}
	for s.lines.Scan() {
		line := s.lines.Text()
		if size += len(line); size > maxStanza {
			return nil, fmt.Errorf("a paragraph has more than %d bytes", maxStanza)
		}
		switch {
		case strings.TrimSpace(line) == "":
			if fields != nil {
				return finish(), nil
			}
		case line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			if last == "" {
				return nil, fmt.Errorf("the line %.40q continues no field", line)
			}
			value.WriteString("\n" + strings.TrimSpace(line))
		default:
			name, rest, ok := strings.Cut(line, ":")
			if !ok || name == "" || strings.ContainsAny(name, " \t") {
				return nil, fmt.Errorf("the line %.40q is no field", line)
			}
			if fields == nil {
				fields = map[string]string{}
			}
			finish()
			last = fieldName(name)
			if _, ok := fields[last]; ok {
				return nil, fmt.Errorf("the field %.40q stands twice in a paragraph", name)
			}
			if len(fields) == maxFields {
				return nil, fmt.Errorf("a paragraph has more than %d fields", maxFields)
			}
			fields[last] = ""
			value.Reset()
			value.WriteString(strings.TrimSpace(rest))
		}
	}
	if err := s.lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return nil, fmt.Errorf("a line has more than %d bytes", maxStanza)
		}
		return nil, err
	}
	if fields == nil {
		return nil, io.EOF
	}
	return finish(), nil
}

// fieldName gives a name, whose case does not matter, one case: that of Valid-Until.
func fieldName(name string) string {
	b := []byte(name)
	for i, c := range b {
		switch first := i == 0 || b[i-1] == '-'; {
		case first && 'a' <= c && c <= 'z':
			b[i] = c - 'a' + 'A'
		case !first && 'A' <= c && c <= 'Z':
			b[i] = c - 'A' + 'a'
		}
	}
	return string(b)
}
