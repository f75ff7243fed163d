package fetch

import (
	"strings"
	"testing"
)

func TestDigestForms(t *testing.T) {
	t.Parallel()
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 128)
	sha256 := Digest{"sha256", a}.SRI()
	sha512 := Digest{"sha512", b}.SRI()
	for text, want := range map[string]Digest{
		sha256:                    {"sha256", a},
		sha512:                    {"sha512", b},
		sha512 + "?opt " + sha256: {"sha512", b},
		"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= " + sha512: {"sha512", b},
	} {
		if got, err := ParseSRI(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "sha512", "sha512-", "sha512-####", "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "sha256-" + sha512[7:], "md5-x"} {
		if got, err := ParseSRI(text); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
	if got, err := Parse("sha256:" + a); err != nil || got.String() != "sha256:"+a {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", a, "sha256:", "sha512:" + a, "sha1:" + a, "sha256:" + strings.ToUpper(a), "sha256:" + a[:62] + "/."} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
}

func FuzzParseSRI(f *testing.F) {
	f.Add(Digest{"sha512", strings.Repeat("0", 128)}.SRI())
	f.Add("sha256-x sha512-y?z")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseSRI(text)
		if err != nil {
			return
		}
		if again, err := ParseSRI(d.SRI()); err != nil || again != d {
			t.Errorf("%q: %v became %v, %v", text, d, again, err)
		}
		if again, err := Parse(d.String()); err != nil || again != d {
			t.Errorf("%q: %v became %v, %v", text, d, again, err)
		}
	})
}
