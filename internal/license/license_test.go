package license_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/license"
)

func TestValid(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]bool{
		"MIT": true, "Apache-2.0 OR (MIT AND BSD-3-Clause)": true, "GPL-2.0-only WITH Classpath-exception-2.0": true,
		"": false, "See LICENSE": false, "((((": false, "(MIT": false, "MIT)": false, "MIT" + strings.Repeat(" OR MIT", 100): false,
	} {
		if got := license.Valid(expression); got != want {
			t.Errorf("%.60q: %t, want %t", expression, got, want)
		}
	}
}

func FuzzValid(f *testing.F) {
	f.Add("MIT OR (Apache-2.0")
	f.Fuzz(func(_ *testing.T, expression string) { license.Valid(expression) })
}
