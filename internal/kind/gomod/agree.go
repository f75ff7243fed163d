package gomod

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
)

// agree compares what a binary says of itself with the lock, module by module.
func (s *source) agree(info *debug.BuildInfo) error {
	var errs []error
	refuse := func(file, field, format string, args ...any) {
		errs = append(errs, &kind.LockError{File: file, Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	if info.GoVersion != s.lock.Toolchain {
		refuse(lockfile.ModFile, "toolchain", "is %s, but the binary was built with %s", s.lock.Toolchain, lockfile.Abbreviate(info.GoVersion))
	}
	if info.Path != s.lock.Tool {
		refuse(lockfile.ModFile, "tool", "is %s, but the binary is %s", s.lock.Tool, lockfile.Abbreviate(info.Path))
	}
	if holder, _ := s.lock.Holder(s.lock.Tool); info.Main.Path != holder.Path {
		refuse(lockfile.ModFile, "require "+holder.Path, "should hold the command, but the binary comes from %q", lockfile.Abbreviate(info.Main.Path))
	}
	for _, m := range modules(info) {
		field := "require " + lockfile.Abbreviate(m.Path)
		switch version, locked := s.lock.Versions[m.Path]; {
		case m.Replace != nil:
			refuse(lockfile.ModFile, field, "is replaced by %s in the binary", lockfile.Abbreviate(m.Replace.Path))
		case !locked:
			refuse(lockfile.ModFile, field, "is missing, but it is in the binary: run catalogctl lock %s", s.entry.Name)
		case version != m.Version:
			refuse(lockfile.ModFile, field, "is %s, but %s is in the binary: run catalogctl lock %s", version, lockfile.Abbreviate(m.Version), s.entry.Name)
		case m.Sum == "" || m.Sum != s.lock.Sums[lockVersion(m)]:
			refuse(lockfile.SumFile, m.Path, "has another hash of %s than the binary: run catalogctl lock %s", m.Version, s.entry.Name)
		}
	}
	want := map[string]string{"GOOS": "linux", "GOARCH": s.arch, "CGO_ENABLED": "0", "-trimpath": "true", "-compiler": "gc"}
	for _, setting := range info.Settings {
		if value, ok := want[setting.Key]; ok && value == setting.Value {
			delete(want, setting.Key)
		}
	}
	for key, value := range want {
		errs = append(errs, fmt.Errorf("the binary was not built with %s=%s", key, value))
	}
	return errors.Join(errs...)
}

// modules returns those that a binary is made from.
func modules(info *debug.BuildInfo) []*debug.Module {
	return append([]*debug.Module{&info.Main}, info.Deps...)
}
