package catalog

import (
	"fmt"
	"strings"
	"testing"
)

// TestHostileEntriesEnd gives entries that would cost hours if nothing bounded them; the deadline of go test is the limit.
func TestHostileEntriesEnd(t *testing.T) {
	t.Parallel()
	many := func(n int, item func(int) string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = item(i)
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	for name, text := range map[string]string{
		"tags":      "tags: " + many(9000, func(i int) string { return fmt.Sprintf(`"tag-%d"`, i) }),
		"bad tags":  "tags: " + many(9000, func(int) string { return `""` }),
		"variables": "env: " + many(1500, func(int) string { return `{name: "1", description: "x", foo: 1}` }),
		"lists":     "args: " + many(64, func(int) string { return `" "` }) + "\ntags: " + many(250, func(int) string { return `"` + strings.Repeat("x", 800) + `"` }),
		"mocks":     "inspect: env: {" + strings.Repeat(`"a b": "", `, 1) + strings.Trim(many(4000, func(i int) string { return fmt.Sprintf("v%d: %d", i, i) }), "[]") + "}",
		"fields":    strings.Trim(strings.ReplaceAll(many(4000, func(i int) string { return fmt.Sprintf("f%d: {}", i) }), ", ", "\n"), "[]"),
		"ports":     "permissions: network: outbound: " + many(400, func(int) string { return `{host: "*", ports: [0, 0, 0, 0, 0, 0, 0, 0]}` }),
	} {
		t.Run(name, func(t *testing.T) {
			got := problems(t, files(t, map[string]string{"catalog/npx/server/entry.cue": npx("server", "server", text)}), Options{})
			if len(got) == 0 || len(got) > maxProblems {
				t.Errorf("%d problems", len(got))
			}
			for _, line := range got {
				if len(line) > 1000 {
					t.Errorf("a message of %d bytes: %.200s", len(line), line)
				}
			}
		})
	}
}
