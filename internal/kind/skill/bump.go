package skill

import (
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/record"
)

// checkBump refuses other files under a version that was released: who has it installed would not learn of the change.
func checkBump(e entry.Entry, before, now *lock, dir fs.FS) error {
	difference := before.differs(now)
	if difference == "" || before.Version != e.Version {
		return nil
	}
	released, err := record.Read(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && released.Version != e.Version {
		return nil // a version that nobody has yet may still change
	}
	if err != nil {
		return err
	}
	next, why := suggest(e.Version, before, now)
	return problem("entry.cue", "version", "is still %s, which was released with other files: %s. Set version to %s, %s, and run catalogctl lock %s",
		e.Version, difference, next, why, e.Name)
}

var semver = regexp.MustCompile(`^(\d{1,9})\.(\d{1,9})\.(\d{1,9})`)

// suggest returns the next version by what became of the files: who relies on one that is gone must know, who may use a new one should.
func suggest(version string, before, now *lock) (next, why string) {
	has := func(l *lock, path string) bool {
		return slices.ContainsFunc(l.Files, func(f locked) bool { return f.Path == path })
	}
	part, why := 2, "as the instructions changed"
	for _, f := range now.Files {
		if !has(before, f.Path) {
			part, why = 1, "as there are new files"
		}
	}
	for _, f := range before.Files {
		if !has(now, f.Path) {
			part, why = 0, "as files are gone"
		}
	}
	var numbers [3]int
	for i, text := range semver.FindStringSubmatch(version)[1:] {
		numbers[i], _ = strconv.Atoi(text) // digits
	}
	if part == 0 && numbers[0] == 0 {
		part = 1 // before 1.0.0, a minor version may break
	}
	numbers[part]++
	clear(numbers[part+1:])
	return strconv.Itoa(numbers[0]) + "." + strconv.Itoa(numbers[1]) + "." + strconv.Itoa(numbers[2]), why
}
