package inspect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a message.
const maxDepth = 500

// strict reports why a JSON text could be read in more than one way, or not at all: RFC 8259 leaves it open what an object with two members of one
// name means (section 4), and a scanner must not see another tool than a client. The error completes the sentence "a message that …".
func strict(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("is no valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	// names is the stack of open values: a set of names for an object, nil for an array.
	var names []map[string]bool
	wantName := false
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("is no valid JSON (%w)", err)
		}
		switch value := token.(type) {
		case json.Delim:
			switch value {
			case '{':
				names = append(names, map[string]bool{})
			case '[':
				names = append(names, nil)
			default:
				names = names[:len(names)-1]
			}
			if len(names) > maxDepth {
				return fmt.Errorf("is nested more than %d deep", maxDepth)
			}
		case string:
			if wantName {
				open := names[len(names)-1]
				if open[value] {
					return fmt.Errorf("has two members named %q in one object", excerpt(value, 80))
				}
				open[value] = true
				wantName = false
				continue
			}
		}
		// After any value, and after an opening brace, an object goes on with a name.
		wantName = len(names) > 0 && names[len(names)-1] != nil
	}
}
