package gomod

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLicensesAreKnownByTheirText(t *testing.T) {
	t.Parallel()
	own, err := os.ReadFile(filepath.Join("..", "..", "..", "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	apache := string(own)
	isc := `Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the
above copyright notice and this permission notice appear in all copies. THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY
SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF
CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"none":            {map[string]string{"README.md": apache}, ""},
		"one":             {map[string]string{"LICENSE": apache}, "Apache-2.0"},
		"British":         {map[string]string{"licence.md": isc}, "ISC"},
		"twice the same":  {map[string]string{"LICENSE": isc, "COPYING": isc}, "ISC"},
		"two in a file":   {map[string]string{"LICENSE.txt": apache + "\n\n" + isc}, "Apache-2.0 AND ISC"},
		"two files":       {map[string]string{"LICENSE": apache, "COPYING": isc}, ""},
		"terms of others": {map[string]string{"LICENSE": isc + strings.Repeat("You owe us a beer for every hour. ", 50)}, ""},
		"empty":           {map[string]string{"LICENSE": ""}, ""},
	} {
		dir := t.TempDir()
		for file, text := range test.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := licenseOf(dir); err != nil || got != test.want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	large := t.TempDir()
	if err := os.WriteFile(filepath.Join(large, "LICENSE"), make([]byte, maxLicense+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := licenseOf(large); err == nil {
		t.Errorf("a huge file is %q", got)
	}
}
