package osv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/keep"
)

// maxDatabase bounds the files of a database that are looked at to know it again.
const maxDatabase = 10_000

// Answers keeps what the command said: of the same packages and by the same database it is not asked again. Where the network is asked, whose
// database nobody can tell apart, an answer counts for its day (UTC).
type Answers struct {
	kept     *keep.Store[said]
	database string
	now      func() time.Time
}

// said is what is known of a kept answer.
type said struct {
	Version string `json:"version"` // of the command
	Found   bool   `json:"found"`
}

// NewAnswers returns those in dir, which is created when the first is kept. The database is the one that the environment names, if any.
func NewAnswers(dir string, environ []string, now func() time.Time) *Answers {
	a := &Answers{kept: keep.New[said](dir), now: now}
	for _, v := range environ {
		if value, ok := strings.CutPrefix(v, DatabaseVariable+"="); ok {
			a.database = value
		}
	}
	return a
}

// to returns the answer about the packages in an SPDX document, and which version of the command gave it. ask is called unless it is known.
func (a *Answers) to(ctx context.Context, document []byte, version string, ask func() (answer []byte, found bool, err error)) ([]byte, said, error) {
	state, err := a.state()
	if err != nil {
		return nil, said{}, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "osv answer 1\n%s\n%s", state, document))
	file, err := a.kept.Get(ctx, hex.EncodeToString(sum[:]), func(f *keep.Draft) (said, error) {
		output, found, err := ask()
		if err != nil {
			return said{}, err
		}
		if _, err := read(output, found); err != nil {
			return said{}, err
		}
		_, err = f.Write(output)
		return said{Version: version, Found: found}, err
	})
	if err != nil {
		return nil, said{}, err
	}
	if version != "" && file.About.Version != version { // another command may see more
		output, found, err := ask()
		return output, said{version, found}, err
	}
	output, err := bounded.File(os.DirFS(filepath.Dir(file.Path)), filepath.Base(file.Path), maxOutput)
	return output, file.About, err
}

// state is what answers depend on besides the question.
func (a *Answers) state() (string, error) {
	if a.database == "" {
		return a.now().UTC().Format(time.DateOnly), nil
	}
	hash := sha256.New()
	count := 0
	err := filepath.WalkDir(a.database, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if count++; count > maxDatabase {
			return fmt.Errorf("it has more than %d files", maxDatabase)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(hash, "%q %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		return err
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, _ = io.WriteString(hash, "nothing") // the command says so itself, and better
	case err != nil:
		return "", fmt.Errorf("the database in %s=%s: %w", DatabaseVariable, a.database, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
