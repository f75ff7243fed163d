package inventory

import (
	"path"
	"strings"

	"github.com/package-url/packageurl-go"
)

// ecosystem is where a package comes from: the type of its package URL.
type ecosystem string

const (
	deb    ecosystem = "deb"
	apk    ecosystem = "apk"
	npm    ecosystem = "npm"
	pypi   ecosystem = "pypi"
	golang ecosystem = "golang"
)

// maxName bounds a name and a version, in bytes.
const maxName = 512

// sound reports whether name and version are such as package managers give: visible ASCII of a usual length.
func (f found) sound() bool {
	return !odd(f.name) && !odd(f.version) && path.Base(f.name) != "/"
}

func odd(s string) bool {
	return s == "" || len(s) > maxName || strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' })
}

// upstream returns the source package as purls name it, by which distributions track vulnerabilities; nothing where it has the same name.
func (f found) upstream() string {
	source, version, other := strings.Cut(f.source, " (")
	version = strings.TrimSuffix(version, ")")
	switch {
	case odd(source), other && odd(version):
		return ""
	case other:
		return source + "@" + version
	case source == f.name:
		return ""
	}
	return source
}

// purl returns the package's URL, see the purl specification.
func (f found) purl(d distro, architecture string) string {
	namespace, name, version := "", f.name, f.version
	qualifiers := map[string]string{}
	switch f.ecosystem {
	case deb, apk:
		if namespace = d.id; namespace == "" {
			if namespace = "debian"; f.ecosystem == apk {
				namespace = "alpine"
			}
		}
		if qualifiers["arch"] = f.arch; f.arch == "" {
			qualifiers["arch"] = architecture
		}
		if d.id != "" && d.version != "" {
			qualifiers["distro"] = d.id + "-" + d.version
		}
		if upstream := f.upstream(); upstream != "" {
			qualifiers["upstream"] = upstream
		}
	case pypi:
		name = strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
	case npm, golang:
		namespace, name = path.Split(name)
		namespace = strings.TrimSuffix(namespace, "/")
	}
	return packageurl.NewPackageURL(string(f.ecosystem), namespace, name, version, packageurl.QualifiersFromMap(qualifiers), "").ToString()
}
