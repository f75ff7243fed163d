package inventory

import (
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// reader makes a trace of a file. Nil means that the file tells nothing.
type reader func(name string, content io.Reader) (*trace, error)

// parser makes a trace of a file's text.
type parser func(text []byte) *trace

var (
	nodeManifest   = regexp.MustCompile(`(^|/)node_modules/(@[^/]+/)?[^/@][^/]*/package\.json$`)
	pythonMetadata = regexp.MustCompile(`/(site|dist)-packages/[^/]+\.(dist-info/METADATA|egg-info/PKG-INFO|egg-info)$`)
)

// reads returns what reads a file, or nil if nothing does.
func reads(name string, mode fs.FileMode, size int64) reader {
	switch name {
	case "etc/os-release", "usr/lib/os-release":
		return text(osRelease)
	case "var/lib/dpkg/status":
		return text(dpkgStatus)
	case "lib/apk/db/installed", "usr/lib/apk/db/installed":
		return text(apkInstalled)
	case "var/lib/rpm/Packages", "var/lib/rpm/Packages.db", "var/lib/rpm/rpmdb.sqlite",
		"usr/lib/sysimage/rpm/Packages", "usr/lib/sysimage/rpm/Packages.db", "usr/lib/sysimage/rpm/rpmdb.sqlite":
		return func(string, io.Reader) (*trace, error) { return &trace{unread: true}, nil }
	}
	switch {
	case path.Dir(name) == "var/lib/dpkg/status.d" && !strings.HasSuffix(name, ".md5sums"):
		return text(dpkgStatus) // one file a package, as images without a package manager have it
	case nodeManifest.MatchString(name):
		return text(packageJSON)
	case pythonMetadata.MatchString(name):
		return text(coreMetadata)
	case mode&0o111 != 0 && size > 0 && size <= maxProgram:
		return program
	}
	return nil
}

// text reads a whole file for a parser.
func text(parse parser) reader {
	return func(_ string, content io.Reader) (*trace, error) {
		data, err := bounded.Read(content, maxFile)
		if err != nil {
			return nil, err
		}
		return parse(data), nil
	}
}
