package lockfile

import (
	"go/version"
	"regexp"

	"golang.org/x/mod/modfile"
)

// release is the name of one release of Go. Others, such as go1.26rc1, go1.26.8-custom, local and path, can be anybody's.
var release = regexp.MustCompile(`^go1\.[1-9]\d{1,3}\.\d{1,4}$`)

// IsRelease says whether a name is that of one release of Go, such as go1.26.8.
func IsRelease(name string) bool { return release.MatchString(name) }

// toolchain reads which Go builds the module. The go command leaves out a toolchain line that its go line makes superfluous.
func (r *reader) toolchain(file *modfile.File) {
	if file.Go == nil {
		r.problem(ModFile, "go", "is missing: lock again")
		return
	}
	r.lock.Go = file.Go.Version
	r.lock.Toolchain = "go" + file.Go.Version
	if file.Toolchain != nil {
		r.lock.Toolchain = file.Toolchain.Name
	}
	switch {
	case !IsRelease(r.lock.Toolchain):
		r.problem(ModFile, "toolchain", "is %q, want the name of one release of Go, such as go1.26.8: write it there, and lock again",
			Abbreviate(r.lock.Toolchain))
	case version.Compare(r.lock.Toolchain, "go"+r.lock.Go) < 0:
		r.problem(ModFile, "toolchain", "is %s, which is older than the go line, %s: write a newer one, and lock again", r.lock.Toolchain, r.lock.Go)
	}
}
