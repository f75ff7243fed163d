package base

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/ulikunitz/xz"
)

// maxIndex bounds an unpacked Packages file; that of trixie's main has 50 MB.
const maxIndex = 512 << 20

// candidate is a package in an index, with what is needed to choose it.
type candidate struct {
	Package
	depends  []string // each one dependency, with its alternatives
	provides []string
}

// readIndex returns the candidates for the wanted names from a suite's Packages.xz.
func readIndex(r io.Reader, suite, arch string, wanted []string) ([]candidate, error) {
	plain, err := xz.NewReader(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("the list of packages of suite %s is not xz: %w", suite, err)
	}
	limited := &io.LimitedReader{R: plain, N: maxIndex + 1}
	found, err := parseIndex(limited, suite, arch, wanted)
	if limited.N <= 0 {
		err = fmt.Errorf("it unpacks to more than %d bytes", maxIndex)
	}
	if err != nil {
		return nil, fmt.Errorf("the list of packages of suite %s for %s: %w", suite, arch, err)
	}
	return found, nil
}

func parseIndex(r io.Reader, suite, arch string, wanted []string) ([]candidate, error) {
	names := map[string]bool{}
	for _, name := range wanted {
		names[name] = true
	}
	var found []candidate
	paragraphs := newStanzas(r)
	for {
		fields, err := paragraphs.next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		if !names[fields["Package"]] {
			continue
		}
		c, err := newCandidate(fields, suite, arch)
		if err != nil {
			return nil, err
		}
		found = append(found, c)
		if len(found) > 100*len(wanted) {
			return nil, errors.New("it lists the same packages over and over")
		}
	}
}

func newCandidate(fields map[string]string, suite, arch string) (candidate, error) {
	c := candidate{Package: Package{
		Name:         fields["Package"],
		Version:      fields["Version"],
		Architecture: arch,
		Source:       fields["Source"],
		Suite:        suite,
		Filename:     fields["Filename"],
		SHA256:       fields["Sha256"],
	}}
	if own := fields["Architecture"]; own != arch && own != "all" {
		return c, fmt.Errorf("package %s is for architecture %q", c.Name, own)
	}
	size, err := strconv.ParseInt(fields["Size"], 10, 64)
	if err != nil {
		return c, fmt.Errorf("package %s: the size %.40q is no number of bytes", c.Name, fields["Size"])
	}
	c.Size = size
	if reason := c.invalid(); reason != "" {
		return c, fmt.Errorf("package %s: %s", c.Name, reason)
	}
	c.depends = append(relations(fields["Pre-Depends"]), relations(fields["Depends"])...)
	for _, provided := range relations(fields["Provides"]) {
		c.provides = append(c.provides, alternatives(provided)...)
	}
	return c, nil
}

func relations(field string) (all []string) {
	for relation := range strings.SplitSeq(field, ",") {
		if relation = strings.TrimSpace(relation); relation != "" {
			all = append(all, relation)
		}
	}
	return all
}

// alternatives returns the names in a relation such as "a (>= 1) | b:any" (Debian Policy, section 7.1).
func alternatives(relation string) (names []string) {
	for one := range strings.SplitSeq(relation, "|") {
		if fields := strings.FieldsFunc(one, func(r rune) bool { return strings.ContainsRune(" \t\n(", r) }); len(fields) > 0 {
			name, _, _ := strings.Cut(fields[0], ":")
			names = append(names, name)
		}
	}
	return names
}

// choose takes the highest version of every wanted package, the first listed of equal ones, and checks that the set is closed: whatever one
// of them depends on is among them, or is declared to be left out.
func choose(candidates []candidate, spec Debian, arch string) ([]Package, error) {
	best := map[string]candidate{}
	for _, c := range candidates {
		if before, ok := best[c.Name]; !ok || compareVersions(c.Version, before.Version) > 0 {
			best[c.Name] = c
		}
	}
	present := map[string]bool{}
	for _, omitted := range spec.Without {
		present[omitted.Package] = true
	}
	var errs []error
	for _, name := range spec.Packages {
		c, ok := best[name]
		if !ok {
			errs = append(errs, fmt.Errorf("debian.packages: %s for %s is in none of the suites %s; check the name", name, arch, strings.Join(spec.Suites, ", ")))
		}
		present[name] = true
		for _, provided := range c.provides {
			present[provided] = true
		}
	}
	var chosen []Package
	for _, name := range slices.Sorted(slices.Values(spec.Packages)) {
		for _, relation := range best[name].depends {
			if !slices.ContainsFunc(alternatives(relation), func(name string) bool { return present[name] }) {
				errs = append(errs, fmt.Errorf("debian.packages: %s for %s depends on %q, which is not listed; "+
					"add it to packages, or to without with the reason why the image does without it", name, arch, relation))
			}
		}
		chosen = append(chosen, best[name].Package)
	}
	return chosen, errors.Join(errs...)
}
