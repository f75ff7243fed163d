package wheel

import "testing"

func FuzzRecord(f *testing.F) {
	f.Add([]byte("a.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n\"b,c\",,\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		record, err := parseRecord(data)
		if err != nil {
			return
		}
		for name, r := range record {
			if r.hash != "" {
				if _, err := newHash(r.hash); err != nil {
					t.Errorf("%q: %v", name, err)
				}
			}
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte("Name: a\nVersion: 1\nRequires-Dist: b[c]>=1; extra == 'd'\nRequires-Dist: e @ https://f.example/g ; os_name == 'x'\n\ntext\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		m, err := parseMetadata(data)
		if err != nil {
			return
		}
		m.RunsOn("3.13")
		for _, r := range m.Requires {
			r.Accepts("1.0")
		}
	})
}

func FuzzEntryPoints(f *testing.F) {
	f.Add([]byte("[console_scripts]\na = b.c:d.e [f]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		scripts, err := parseEntryPoints(data)
		if err != nil {
			return
		}
		for _, s := range scripts {
			if !scriptName.MatchString(s.Name) || !reference.MatchString(s.Module+":"+s.Object) {
				t.Errorf("%q has %+v", data, s)
			}
		}
	})
}
