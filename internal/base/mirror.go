package base

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// Mirrors are the roots of the Debian archives that packages come from, as URLs; empty where none is configured.
type Mirrors struct {
	Debian   string
	Security string // for suites that end in -security
}

// codenames are the Debian releases whose suites a machine may be configured with: sources of other distributions are no use here.
var codenames = []string{"buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid", "stable", "oldstable", "testing", "unstable"}

const maxSources = 1 << 20

// FindMirrors returns the archives that explicit names, if it is not empty: the address of the Debian archive and, after a space, that of the
// security archive. Else it returns those that apt on this machine is configured with. etc is the folder /etc/apt; nil means that there is
// none. Finding none is no error: it is one when a mirror is needed.
//
// It reads sources.list(5) in both forms. Entries that are commented out or disabled do not count, nor do other transports than http and
// https.
func FindMirrors(etc fs.FS, explicit string) (Mirrors, error) {
	if fields := strings.Fields(explicit); len(fields) > 0 {
		if len(fields) > 2 {
			return Mirrors{}, errors.New("the Debian mirror: want one address, or two for the archive and the security archive, separated by a space")
		}
		for _, address := range fields {
			if u, err := url.Parse(address); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
				return Mirrors{}, errors.New("the Debian mirror: the address is no http or https URL")
			}
		}
		return Mirrors{Debian: fields[0], Security: strings.Join(fields[1:], "")}, nil
	}
	if etc == nil {
		return Mirrors{}, nil
	}
	files, err := fs.Glob(etc, "sources.list.d/*")
	if err != nil {
		return Mirrors{}, err
	}
	var found Mirrors
	for _, name := range append([]string{"sources.list"}, files...) {
		parse := parseList
		if strings.HasSuffix(name, ".sources") {
			parse = parseDeb822
		} else if !strings.HasSuffix(name, ".list") {
			continue
		}
		text, err := bounded.File(etc, name, maxSources)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Mirrors{}, fmt.Errorf("cannot read apt's sources: %w", err)
		}
		for _, s := range parse(text) {
			found.take(s)
		}
	}
	return found, nil
}

// source is one entry of apt's sources.
type source struct {
	types, addresses, suites, components []string
}

// take uses the source if it serves the main component of a Debian suite and nothing was found before.
func (m *Mirrors) take(s source) {
	if !slices.Contains(s.types, "deb") || !slices.Contains(s.components, "main") {
		return
	}
	i := slices.IndexFunc(s.addresses, func(address string) bool {
		return strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://")
	})
	if i < 0 {
		return
	}
	for _, suite := range s.suites {
		name, security := strings.CutSuffix(suite, "-security")
		name = strings.TrimSuffix(name, "-updates")
		switch {
		case !slices.Contains(codenames, name):
		case security && m.Security == "":
			m.Security = s.addresses[i]
		case !security && m.Debian == "":
			m.Debian = s.addresses[i]
		}
	}
}

// parseList reads the one-line form.
func parseList(text []byte) (sources []source) {
	for line := range bytes.Lines(text) {
		before, _, _ := strings.Cut(string(line), "#")
		before = strings.TrimSpace(before)
		if kind, rest, ok := strings.Cut(before, "["); ok && len(strings.Fields(kind)) == 1 {
			_, after, _ := strings.Cut(rest, "]")
			before = kind + after
		}
		if fields := strings.Fields(before); len(fields) >= 3 {
			sources = append(sources, source{fields[:1], fields[1:2], fields[2:3], fields[3:]})
		}
	}
	return sources
}

// parseDeb822 reads the form with fields.
func parseDeb822(text []byte) (sources []source) {
	stanzas := newStanzas(bufio.NewReader(bytes.NewReader(text)))
	for {
		fields, err := stanzas.next()
		if err != nil { // what cannot be read cannot name a mirror
			return sources
		}
		switch strings.ToLower(fields["Enabled"]) {
		case "no", "false", "without", "off", "disable":
			continue
		}
		sources = append(sources, source{
			strings.Fields(fields["Types"]), strings.Fields(fields["Uris"]), strings.Fields(fields["Suites"]), strings.Fields(fields["Components"]),
		})
	}
}

// of returns the archive that has a suite.
func (m Mirrors) of(suite string) (string, error) {
	address, what := m.Debian, "the Debian archive"
	if strings.HasSuffix(suite, "-security") {
		address, what = m.Security, "Debian's security archive"
	}
	if address != "" {
		return strings.TrimSuffix(address, "/"), nil
	}
	return "", fmt.Errorf("no mirror of %s is configured, from which suite %s could be fetched: apt on this machine names none; "+
		"set SLIPWAY_APT_MIRROR to the address of a Debian mirror and, after a space, that of its security archive", what, suite)
}
