package inspect

import (
	"encoding/json"
	"strings"
	"testing"
)

func FuzzStrict(f *testing.F) {
	f.Add([]byte(`{"a":[{"a":1},{"a":{}}],"b":"a"}`))
	f.Add([]byte(`{"a":1,"\u0061":2}`))
	f.Add([]byte(`[}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if strict(text) != nil || !json.Valid(text) {
			return
		}
		// What is read once and written again has as many members: none has hidden another.
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			return
		}
		names := 0
		dec := json.NewDecoder(strings.NewReader(string(text)))
		count(t, dec, &names)
		if got := members(value); got != names {
			t.Errorf("%d members were read of %d: %s", got, names, text)
		}
	})
}

func members(value any) int {
	n := 0
	switch v := value.(type) {
	case map[string]any:
		n = len(v)
		for _, m := range v {
			n += members(m)
		}
	case []any:
		for _, m := range v {
			n += members(m)
		}
	}
	return n
}

// count reads one value and adds the number of members in it.
func count(t *testing.T, dec *json.Decoder, n *int) {
	token, err := dec.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch token {
	case json.Delim('{'):
		for dec.More() {
			if _, err := dec.Token(); err != nil {
				t.Fatal(err)
			}
			*n++
			count(t, dec, n)
		}
	case json.Delim('['):
		for dec.More() {
			count(t, dec, n)
		}
	default:
		return
	}
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
}
