package base

import (
	"cmp"
	"strings"
)

// compareVersions orders two Debian versions (Debian Policy, section 5.6.12): negative if a is older than b.
func compareVersions(a, b string) int {
	epochA, a := epoch(a)
	epochB, b := epoch(b)
	upstreamA, revisionA := revision(a)
	upstreamB, revisionB := revision(b)
	return cmp.Or(comparePart(epochA, epochB), comparePart(upstreamA, upstreamB), comparePart(revisionA, revisionB))
}

func epoch(version string) (number, rest string) {
	if number, rest, ok := strings.Cut(version, ":"); ok {
		return number, rest
	}
	return "0", version
}

func revision(version string) (upstream, number string) {
	if i := strings.LastIndexByte(version, '-'); i >= 0 {
		return version[:i], version[i+1:]
	}
	return version, ""
}

// comparePart compares runs of other characters and runs of digits in turn.
func comparePart(a, b string) int {
	for a != "" || b != "" {
		textA, restA := cut(a, false)
		textB, restB := cut(b, false)
		for i := range max(len(textA), len(textB)) {
			if c := cmp.Compare(weight(textA, i), weight(textB, i)); c != 0 {
				return c
			}
		}
		digitsA, nextA := cut(restA, true)
		digitsB, nextB := cut(restB, true)
		digitsA, digitsB = strings.TrimLeft(digitsA, "0"), strings.TrimLeft(digitsB, "0")
		if c := cmp.Or(cmp.Compare(len(digitsA), len(digitsB)), cmp.Compare(digitsA, digitsB)); c != 0 {
			return c
		}
		a, b = nextA, nextB
	}
	return 0
}

// cut splits s after its leading digits, or after what comes before the first digit.
func cut(s string, digits bool) (run, rest string) {
	for i := range len(s) {
		if ('0' <= s[i] && s[i] <= '9') != digits {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// weight sorts a tilde before the end, the end before letters, and letters before everything else.
func weight(s string, i int) int {
	switch {
	case i >= len(s):
		return 0
	case s[i] == '~':
		return -1
	case 'a' <= s[i] && s[i] <= 'z' || 'A' <= s[i] && s[i] <= 'Z':
		return int(s[i])
	default:
		return int(s[i]) + 256
	}
}
