package inventory

import (
	"bufio"
	"bytes"
	"iter"
	"strings"
)

// distro is a Linux distribution, by os-release(5).
type distro struct{ id, version string }

func osRelease(text []byte) *trace {
	d := &distro{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch name {
		case "ID":
			d.id = strings.ToLower(value)
		case "VERSION_ID":
			d.version = value
		}
	}
	return &trace{distro: d}
}

// dpkgStatus reads dpkg's database (dpkg-query(1), deb-control(5)): a paragraph a package.
func dpkgStatus(text []byte) *trace {
	t := &trace{}
	for fields := range paragraphs(text, ": ") {
		name, version := fields["Package"], fields["Version"]
		// A package that was removed leaves its paragraph. Images without a package manager have no status at all.
		status := fields["Status"]
		if name == "" || version == "" || status != "" && !strings.HasSuffix(status, " installed") {
			continue
		}
		t.packages = append(t.packages, found{ecosystem: deb, name: name, version: version, arch: fields["Architecture"], source: fields["Source"]})
	}
	return t
}

// apkInstalled reads apk's database (apk-v2 installed database): a paragraph a package, with fields of one letter.
func apkInstalled(text []byte) *trace {
	t := &trace{}
	for fields := range paragraphs(text, ":") {
		if fields["P"] == "" || fields["V"] == "" {
			continue
		}
		t.packages = append(t.packages, found{ecosystem: apk, name: fields["P"], version: fields["V"], license: declared(fields["L"]), arch: fields["A"], source: fields["o"]})
	}
	return t
}

// paragraphs gives the fields of each paragraph, each field by its first line. Paragraphs are separated by empty lines.
func paragraphs(text []byte, separator string) iter.Seq[map[string]string] {
	return func(yield func(map[string]string) bool) {
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, maxFile)
		fields := map[string]string{}
		for lines.Scan() {
			line := lines.Text()
			if line == "" {
				if len(fields) > 0 && !yield(fields) {
					return
				}
				fields = map[string]string{}
				continue
			}
			name, value, ok := strings.Cut(line, separator)
			if _, known := fields[name]; ok && !known && name != "" && name[0] != ' ' && name[0] != '\t' {
				fields[name] = strings.TrimSpace(value)
			}
		}
		if len(fields) > 0 {
			yield(fields)
		}
	}
}
