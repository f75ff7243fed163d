package sdist

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// Name is what the name of an sdist's file says.
type Name struct {
	File    string
	Project string // normalised
	Version string
}

// fileName is the shape of an sdist's file name. Nothing in it can lead anywhere else in a path or an address. The project's part may have
// hyphens, for not all tools follow PEP 625 in this.
var fileName = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_.-]{0,100})-([A-Za-z0-9][A-Za-z0-9_.!+]{0,99})\.tar\.gz$`)

// ParseName reads the name of an sdist's file (Python packaging specification "Source distribution format", PEP 625).
func ParseName(file string) (Name, error) {
	match := fileName.FindStringSubmatch(file)
	if match == nil || !project.MatchString(wheel.Project(match[1])) {
		return Name{}, fmt.Errorf("%.100q is not the name of an sdist: want NAME-VERSION.tar.gz", file)
	}
	return Name{File: file, Project: wheel.Project(match[1]), Version: strings.ToLower(match[2])}, nil
}
