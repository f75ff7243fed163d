package sdist

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/slipway-dev/slipway/internal/kind/pypi/cpython"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// Tools is the folder inside a workshop that is the virtual environment with the build requirements.
const Tools = "tools"

// Interpreter is CPython of that environment, as the sandbox sees it.
const Interpreter = cpython.Dir + "/" + Tools + "/bin/python"

// Version changes whenever the same sdist with the same requirements may become another wheel.
const Version = "sdist build 1"

//go:embed build.py
var program []byte

// environment makes builds alike. The time is the earliest that a zip archive can hold.
var environment = []string{
	"PATH=" + cpython.Dir + "/" + Tools + "/bin:/usr/bin", "HOME=/tmp", "LC_ALL=C.UTF-8", "TZ=UTC",
	"SOURCE_DATE_EPOCH=315532800", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1",
}

// Workshop is a folder for building sdists: with their build requirements, which its maker has put into its folder Tools.
type Workshop struct {
	dir     string
	sandbox cpython.Sandbox

	mutex sync.Mutex
	shown map[string]bool // files of sdists that lie in the folder
}

// NewWorkshop makes a workshop of a folder.
func NewWorkshop(dir string, sandbox cpython.Sandbox) (*Workshop, error) {
	if err := os.WriteFile(filepath.Join(dir, "build.py"), program, 0o644); err != nil {
		return nil, fmt.Errorf("prepare the workshop: %w", err)
	}
	return &Workshop{dir: dir, sandbox: sandbox, shown: map[string]bool{}}, nil
}

// plan is what build.py is told.
type plan struct {
	Sdist   string   `json:"sdist"`
	Backend string   `json:"backend"`
	Path    []string `json:"path"`
	Build   bool     `json:"build"`
}

// said is what build.py answers.
type said struct {
	Requires []string `json:"requires"`
	Wheel    string   `json:"wheel"`
}

// Requires asks the backend what it needs to build a wheel, beyond what the sdist says. Each is a dependency specifier that names no address.
func (w *Workshop) Requires(ctx context.Context, s *Sdist) ([]string, error) {
	answer, err := w.run(ctx, s, false, io.Discard)
	if err != nil {
		return nil, err
	}
	return answer.Requires, nil
}

// Build writes a wheel that was built from the sdist to out, unread, and returns its name and what Requires returns.
func (w *Workshop) Build(ctx context.Context, s *Sdist, out io.Writer) (wheel.Name, []string, error) {
	answer, err := w.run(ctx, s, true, out)
	if err != nil {
		return wheel.Name{}, nil, err
	}
	name, err := wheel.ParseName(answer.Wheel)
	switch {
	case err != nil:
		return name, nil, fmt.Errorf("its backend has built no wheel: %w", err)
	case name.Project != s.Project || !wheel.SameVersion(name.Version, s.Version):
		return name, nil, fmt.Errorf("its backend has built %s, which is a wheel of another package or version", name.File)
	case !name.Pure():
		return name, nil, fmt.Errorf("its backend has built %s, which is for one platform: only wheels without compiled parts can be built here, since the "+
			"base has no compiler; choose a version that has wheels", name.File)
	}
	return name, answer.Requires, nil
}

func (w *Workshop) run(ctx context.Context, s *Sdist, build bool, out io.Writer) (*said, error) {
	if err := w.show(s); err != nil {
		return nil, err
	}
	task, err := json.Marshal(plan{Sdist: cpython.Dir + "/" + s.File, Backend: s.System.Backend, Path: append([]string{}, s.System.Path...), Build: build})
	if err != nil {
		return nil, err
	}
	answer := &answer{rest: out}
	args := []string{Interpreter, "-P", cpython.Dir + "/build.py", string(task)}
	if err := w.sandbox.Run(ctx, w.dir, args, environment, answer); err != nil {
		return nil, fmt.Errorf("its backend %s: %w", s.System.Backend, err)
	}
	return answer.read()
}

// show copies an sdist to where the sandbox sees it.
func (w *Workshop) show(s *Sdist) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.shown[s.File] {
		return nil
	}
	in, err := os.Open(s.file)
	if err != nil {
		return fmt.Errorf("cannot open the downloaded sdist: %w", err)
	}
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(w.dir, s.File), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("prepare the workshop: %w", err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("prepare the workshop: %w", err)
	}
	w.shown[s.File] = true
	return nil
}

// maxSaid bounds the line that precedes the wheel.
const maxSaid = 1 << 20

// answer takes what build.py writes: keeps its first line, and passes on the rest.
type answer struct {
	line  bytes.Buffer
	whole bool
	rest  io.Writer
}

func (a *answer) Write(p []byte) (int, error) {
	if a.whole {
		return a.rest.Write(p)
	}
	line, rest, found := bytes.Cut(p, []byte("\n"))
	if a.line.Len()+len(line) > maxSaid {
		return 0, errors.New("it answers with an endless line")
	}
	a.line.Write(line)
	if a.whole = found; found && len(rest) > 0 {
		if n, err := a.rest.Write(rest); err != nil {
			return len(line) + 1 + n, err
		}
	}
	return len(p), nil
}

// read makes sense of the first line. Whatever ran in the sandbox may have written it.
func (a *answer) read() (*said, error) {
	decoder := json.NewDecoder(&a.line)
	decoder.DisallowUnknownFields()
	var s said
	if !a.whole {
		return nil, errors.New("its backend has ended the build without an answer")
	}
	if err := decoder.Decode(&s); err != nil {
		return nil, fmt.Errorf("its backend has answered with what cannot be read: %w", err)
	}
	var err error
	s.Requires, err = requirements(s.Requires)
	return &s, err
}
