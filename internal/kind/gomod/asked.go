package gomod

import (
	"context"
	"errors"
	"fmt"
	"go/version"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/gomod/gocmd"
	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
)

// asked checks the lock against what the entry's module asks for in its own go.mod, the one that its authors test with: without overrides the
// versions are the same. A lock that has others was changed by hand. (Modules of Go 1.17 and later name all that they need; Go Modules
// Reference, "Module graph pruning".)
func asked(ctx context.Context, golang *gocmd.Toolchain, dir string, e entry.Entry, lock *lockfile.Lock) error {
	holder, _ := lock.Holder(e.Package.Name)
	f, err := download(ctx, golang, gocmd.Task{Dir: dir}, atVersion(holder))
	if err != nil {
		return fmt.Errorf("cannot read the go.mod of %s: %w", atVersion(holder), err)
	}
	data, err := bounded.File(os.DirFS(filepath.Dir(f.GoMod)), filepath.Base(f.GoMod), lockfile.MaxBytes)
	if err != nil {
		return fmt.Errorf("cannot read the go.mod of %s: %w", atVersion(holder), err)
	}
	file, err := modfile.Parse(lockfile.ModFile, data, nil)
	if err != nil {
		return fmt.Errorf("cannot read the go.mod of %s: %s", atVersion(holder), lockfile.Abbreviate(err.Error()))
	}
	return compareAsked(e, lock, file)
}

func compareAsked(e entry.Entry, lock *lockfile.Lock, file *modfile.File) error {
	holder, _ := lock.Holder(e.Package.Name)
	var errs []error
	refuse := func(field, format string, args ...any) {
		errs = append(errs, &kind.LockError{File: lockfile.ModFile, Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	if len(file.Replace)+len(file.Exclude) > 0 {
		refuse("require "+holder.Path, "the module replaces or excludes others in its own go.mod, which counts for its authors only: what is "+
			"built here would be something else than they have tested (go install refuses it, too)")
	}
	wants := map[string]string{}
	for _, require := range file.Require {
		wants[require.Mod.Path] = require.Mod.Version
	}
	pruned := file.Go != nil && version.Compare("go"+file.Go.Version, "go1.17") >= 0
	for _, m := range lock.Modules() {
		want, named := wants[m.Path]
		switch {
		case m == holder:
		case named && semver.Compare(m.Version, want) < 0:
			refuse("require "+m.Path, "is %s, but %s asks for %s: run catalogctl lock %s", m.Version, holder.Path, want, e.Name)
		case pruned && len(e.Overrides) == 0 && m.Version != want:
			if !named {
				want = "none of it"
			}
			refuse("require "+m.Path, "is %s, but %s asks for %s, and the entry has no overrides: run catalogctl lock %s",
				m.Version, holder.Path, want, e.Name)
		}
	}
	return errors.Join(errs...)
}
